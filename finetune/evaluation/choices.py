"""The four-way choice without a model: what a reviewer said, told from three other remarks.

Two rivals for the engines. *Retrieval* takes the remark most like those made on similar code.
*Words in common* takes the one whose names stand in the window, and more so than in windows at
large: the lexical counterpart of log p(remark | window) - log p(remark).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log, sqrt
from statistics import fmean

from finetune.evaluation.metrics import chrf
from finetune.evaluation.plan import Question
from finetune.evaluation.scorecard import ChoiceScore
from finetune.evaluation.trial import Choice, Trial
from finetune.recall import IndexEntry, Recall, code_tokens
from postil.answer import Anchor
from postil.records import Window

RETRIEVAL, WORDS = "retrieval", "words in common"
SIMILAR = 3
"""Past remarks that an option is compared with."""


class WordsInCommon:
    """How much more of a message stands in a window, and in its anchored rows, than elsewhere."""

    def __init__(self, entries: Sequence[IndexEntry]) -> None:
        self._windows = [set(code_tokens(entry.text)) for entry in entries]
        self._rows = [set(code_tokens("\n".join(entry.rows()))) for entry in entries]
        self._seen = Counter(token for window in self._windows for token in window)

    def score(self, message: str, window: Window, anchor: Anchor) -> float:
        """Above 0: more than a window of the training part holds of it on average."""
        tokens = set(code_tokens(message))
        rows = [line.text for line in window.lines]
        whole = set(code_tokens("\n".join((window.path, *rows))))
        anchored = set(code_tokens("\n".join(rows[anchor.start - 1 : anchor.end])))
        return self._lift(tokens, whole, self._windows) + self._lift(tokens, anchored, self._rows)

    def _lift(self, tokens: set[str], here: set[str], elsewhere: Sequence[set[str]]) -> float:
        if not tokens or not elsewhere:
            return 0.0
        usual = fmean(self._weight(tokens & other) for other in elsewhere)
        return (self._weight(tokens & here) - usual) / sqrt(self._weight(tokens))

    def _weight(self, tokens: set[str]) -> float:
        """Rare tokens count more, as in BM25."""
        count = len(self._windows)
        return sum(
            log(1 + (count - self._seen[t] + 0.5) / (self._seen[t] + 0.5)) for t in sorted(tokens)
        )


def score_choices(
    trial: Trial, ours: Sequence[Choice], engines: Mapping[str, Sequence[Choice]]
) -> tuple[ChoiceScore, ...]:
    """The adapter's choices beside those of other engines and of the rivals without a model."""
    questions = trial.plan.questions
    theirs = {
        **engines,
        RETRIEVAL: choose_by_retrieval(trial.recall, questions),
        WORDS: choose_by_words(trial.recall, questions),
    }
    return tuple(
        ChoiceScore(
            name=name,
            four_way=trial.asked.interval(trial.four_way(choices)),
            gain=trial.asked.difference(trial.four_way(ours), trial.four_way(choices)),
        )
        for name, choices in theirs.items()
    )


def choose_by_words(recall: Recall, questions: Sequence[Question]) -> list[Choice]:
    """A score for each option of each question; empty where there are no options."""
    words = WordsInCommon(recall.entries)
    return [
        tuple(words.score(text, asked.window, asked.human.anchor) for text in asked.choices)
        for asked in questions
    ]


def choose_by_retrieval(recall: Recall, questions: Sequence[Question]) -> list[Choice]:
    """A score for each option: its likeness to the remarks on the most similar code."""
    return [_likeness(recall, question) for question in questions]


def _likeness(recall: Recall, question: Question) -> Choice:
    past = recall.similar(question.window, question.pair.decided_at, SIMILAR)
    if not past:
        return (0.0,) * len(question.choices)
    return tuple(
        sum(match.similarity * chrf(text, match.entry.message) for match in past)
        for text in question.choices
    )
