"""The unseen pull requests as an exam: windows with the planted truth, answers, and marks.

A system answers each window with a probability, or with a line and words. Pure: models are
called elsewhere.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from bot.demo.pieces import Rule
from bot.demo.unseen import Truth, UnseenPull
from postil.diff import parse_diff, windows
from postil.records import Window

RESAMPLES = 2000
WORD_LENGTH = 3


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One window of an unseen pull request; `line` is where the fault begins, 0 if it is clean."""

    pull: int
    window: Window
    rule: str = ""
    line: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a system says of a window, from `line` to `end`; 0: it stays silent."""

    probability: float
    line: int = 0
    end: int = 0
    message: str = ""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A share with its 95 % interval, resampled by pull request; None where nothing counts."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A system's marks on the exam."""

    name: str
    note: str
    spoken: int
    precision: Mark
    recall: Mark
    silence: Mark
    rule: Mark
    auc: Mark


def exam_items(truth: Truth, diffs: Mapping[int, str], window_lines: int) -> list[Item]:
    """Every window of the unseen diffs, as the reviewer cuts them, with what was planted there."""
    return [
        _item(pull, window)
        for pull in truth.pulls
        for file in parse_diff(diffs[pull.number])
        for hunk in file.hunks
        for window in windows(hunk, window_lines)
    ]


def _item(pull: UnseenPull, window: Window) -> Item:
    here = {line.new for line in window.lines if line.kind == "+"}
    found = [v for v in pull.violations if v.path == window.path and v.line in here]
    if not found:
        return Item(pull=pull.number, window=window)
    return Item(pull=pull.number, window=window, rule=found[0].rule, line=found[0].line)


def is_right(item: Item, answer: Answer) -> bool:
    """Whether something was said on the very line where the fault begins."""
    return bool(item.line) and answer.line <= item.line <= answer.end


class RuleReader:
    """Tells which house rule a text is about, by the words of the remarks on each rule."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._words = {rule.slug: Counter(_words(" ".join(rule.remarks))) for rule in rules}
        self._spread = Counter(word for words in self._words.values() for word in words)

    def read(self, text: str) -> str:
        """The rule whose telling words are there most; "" where none is."""
        said = set(_words(text))
        marks = {
            slug: sum(words[word] / self._spread[word] ** 2 for word in said if word in words)
            for slug, words in self._words.items()
        }
        best = max(marks, key=lambda slug: marks[slug])
        return best if marks[best] else ""


def _words(text: str) -> list[str]:
    cleaned = "".join(c if c.isalnum() or c in "_=/" else " " for c in text.lower())
    return [word for word in cleaned.split() if len(word) >= WORD_LENGTH or word == "=="]


def mark_system(
    name: str, note: str, items: Sequence[Item], answers: Sequence[Answer], reader: RuleReader
) -> Result:
    """Precision and recall of saying something on the right line, and silence where all is well."""
    broken = np.array([bool(item.rule) for item in items])
    spoken = np.array([bool(answer.line) for answer in answers])
    pairs = list(zip(items, answers, strict=True))
    right = np.array([is_right(item, answer) for item, answer in pairs])
    named = np.array([is_right(i, a) and reader.read(a.message) == i.rule for i, a in pairs])
    draws = _draws([item.pull for item in items])
    scores = np.array([answer.probability for answer in answers])
    return Result(
        name=name,
        note=note,
        spoken=int(spoken.sum()),
        precision=_share(right, spoken, draws),
        recall=_share(right, broken, draws),
        silence=_share(~spoken & ~broken, ~broken, draws),
        rule=_share(named, broken, draws),
        auc=_auc(scores, broken, draws),
    )


Draws = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def _draws(pulls: Sequence[int]) -> Draws:
    """(RESAMPLES, items): how often each item's pull request came in each resample."""
    names = sorted(set(pulls))
    rng = np.random.default_rng(7)
    counts = rng.multinomial(len(names), [1 / len(names)] * len(names), size=RESAMPLES)
    return counts[:, [names.index(pull) for pull in pulls]].astype(np.float64)


def _share(hits: Flags, among: Flags, draws: Draws) -> Mark:
    if not among.any():
        return Mark(value=None)
    totals = draws @ among.astype(float)
    shares = (draws @ (hits & among).astype(float))[totals > 0] / totals[totals > 0]
    low, high = np.percentile(shares, (2.5, 97.5))
    return Mark(value=float((hits & among).sum() / among.sum()), low=float(low), high=float(high))


def _auc(scores: np.ndarray[tuple[int], np.dtype[np.float64]], broken: Flags, draws: Draws) -> Mark:
    """Chance that a broken window scores above a clean one; ties count half."""
    wins = (scores[broken][:, None] > scores[~broken]) + 0.5 * (
        scores[broken][:, None] == scores[~broken]
    )
    high, low = draws[:, broken], draws[:, ~broken]
    values = np.einsum("ri,ij,rj->r", high, wins, low, optimize=True)
    totals = high.sum(axis=1) * low.sum(axis=1)
    spread = np.percentile(values[totals > 0] / totals[totals > 0], (2.5, 97.5))
    return Mark(value=float(wins.mean()), low=float(spread[0]), high=float(spread[1]))
