"""Remarks of a system beside the human ones -> how like they are, and how much they vary.

Likeness is taken remark by remark; variety over all remarks of the system at once, where one that
is drawn twice would look like less variety, so its intervals come from leaving out pull requests.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from finetune.evaluation.bleu import reviewer_bleu
from finetune.evaluation.metrics import Bootstrap, Floats, Statistic, chrf, mean_of
from finetune.evaluation.scorecard import TextScore

WORD = re.compile(r"[^\W_]+")
"""On ASCII the words of the rouge-score package, which drops every other letter."""


def score_remarks(
    name: str, said: Sequence[str], human: Sequence[str], draws: Bootstrap
) -> TextScore:
    """Likeness to the human remarks and variety, with intervals."""

    def like(measure: Callable[[str, str], float]) -> Statistic:
        return mean_of([measure(ours, theirs) for ours, theirs in zip(said, human, strict=True)])

    return msgspec.structs.replace(
        score_variety(name, said, draws),
        chrf=draws.interval(like(chrf)),
        bleu=draws.interval(like(reviewer_bleu)),
        bleu_no_stop=draws.interval(like(lambda a, b: reviewer_bleu(a, b, stop_words=False))),
        rouge_l=draws.interval(like(rouge_l)),
        exact_match=draws.interval(like(same_words)),
    )


def score_variety(name: str, said: Sequence[str], draws: Bootstrap) -> TextScore:
    """What needs no reference: different words, the most frequent remark, the length.

    Of what was said: a place that a system has no words for is no remark, and so no repeated one.
    """
    spoken = [float(bool(text.strip())) for text in said]
    words = [_words(text) for text in said]
    texts = [" ".join(text.split()) for text in said]
    return TextScore(
        name=name,
        samples=len(said),
        distinct_1=draws.jackknife(_distinct(words)),
        top_share=draws.jackknife(_top_share(texts)),
        words=draws.interval(mean_of([len(text.split()) for text in said], spoken)),
        spoken=draws.interval(mean_of(spoken)),
    )


def rouge_l(text: str, reference: str) -> float:
    """F1 of the longest common subsequence of words, 0 to 100."""
    said, wanted = _words(text), _words(reference)
    common = longest_common(said, wanted)
    return 200 * common / (len(said) + len(wanted)) if common else 0.0


def longest_common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(theirs) + 1)
    for one in ours:
        before, row = row, [0]
        for place, other in enumerate(theirs):
            row.append(before[place] + 1 if one == other else max(before[place + 1], row[place]))
    return row[-1]


def same_words(text: str, reference: str) -> float:
    """1 for the very same remark, blanks aside."""
    return float(text.split() == reference.split())


def _distinct(words: Sequence[Sequence[str]]) -> Callable[[Floats], float]:
    def share(weights: Floats) -> float:
        here = [word for at in np.flatnonzero(weights).tolist() for word in words[at]]
        return len(set(here)) / len(here) if here else float("nan")

    return share


def _top_share(texts: Sequence[str]) -> Callable[[Floats], float]:
    def share(weights: Floats) -> float:
        here = Counter(text for at in np.flatnonzero(weights).tolist() if (text := texts[at]))
        return max(here.values()) / here.total() if here else float("nan")

    return share


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())
