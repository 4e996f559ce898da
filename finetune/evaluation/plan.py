"""Which windows of a dataset every engine reads, chosen before any engine has spoken.

A plan names the pairs to read and is the same for every engine, so that base and adapter can be
loaded one after another and answer the very same questions. What is left out to save time is left
out by hash.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

from finetune.canaries import Canary
from finetune.features import pull_of
from postil.answer import Remark, parse_answer
from postil.records import ExampleKind, Pair, Record, Split, Window

CHOICES = 4
"""One true remark and three others."""


class Limits(Record, frozen=True, kw_only=True):
    """How much is read; None: all there is."""

    silences: int | None = 4000
    """Silences scored in calibration, and again in test; ambiguous windows likewise."""
    remarks: int | None = 200
    """Test remarks for loss and line; as many silences for their loss."""
    choices: int | None = 200
    """Of these, how many for the four-way choice, as many as promotion asks for: eight answers are
    read for each."""
    samples: int | None = 20
    """Test remarks for which a message is written."""
    max_tokens: int = 128
    """Longest message that is written."""


MEASURED = Limits(silences=600, samples=40)
"""What an evaluation reads unless it is told otherwise: minutes of the embedded base on a CPU."""


class PlainText(Record, frozen=True, kw_only=True):
    """A piece of text that is no review; `source` is the file it stands in."""

    kind: Literal["code", "prose"]
    source: str
    text: str


class Question(Record, frozen=True, kw_only=True):
    """A test window a person remarked on, with that remark, and others to tell it from."""

    pair: Pair
    human: Remark
    choices: tuple[str, ...]
    """The true message first, then those made elsewhere; empty where there are too few."""

    @property
    def window(self) -> Window:
        """The window that is asked about."""
        assert self.pair.window is not None  # noqa: S101 - a plan holds only pairs with one
        return self.pair.window


class Plan(Record, frozen=True, kw_only=True):
    """The pairs that every engine reads."""

    calibration: tuple[Pair, ...]
    test: tuple[Pair, ...]
    weights: dict[str, float]
    """By pair id, how many windows of its kind and part each scored one stands for."""
    questions: tuple[Question, ...]
    silences: tuple[Pair, ...]
    written: int
    """How many of the questions, from the first, are answered in words."""
    max_tokens: int
    plain: tuple[PlainText, ...] = ()
    canaries: tuple[Canary, ...] = ()


def make_plan(pairs: Sequence[Pair], limits: Limits, seed: int = 7) -> Plan:
    """Choose what to read; pairs without a window or outside calibration and test are left out."""
    weights: dict[str, float] = {}
    calibration = _thinned(pairs, "calibration", limits.silences, weights, seed)
    test = _thinned(pairs, "test", limits.silences, weights, seed)
    remarks = [pair for pair in pairs if _asked(pair)]
    chosen = sorted(remarks, key=lambda pair: _shuffled(seed, pair.id))[: limits.remarks]
    silences = [pair for pair in test if pair.kind == "silence"]
    silences.sort(key=lambda pair: _shuffled(seed, pair.id))
    written = len(chosen) if limits.samples is None else min(limits.samples, len(chosen))
    return Plan(
        calibration=tuple(pair for pair in calibration if pair.kind != "ambiguous"),
        test=tuple(test),
        weights=weights,
        questions=tuple(
            _question(pair, remarks, seed, limits.choices is None or place < limits.choices)
            for place, pair in enumerate(chosen)
        ),
        silences=tuple(silences[: len(chosen)]),
        written=written,
        max_tokens=limits.max_tokens,
    )


def _asked(pair: Pair) -> bool:
    """A test remark. One whose commit is gone is asked about as well, but never for its place."""
    return pair.split == "test" and pair.kind == "remark" and pair.window is not None


def _question(pair: Pair, remarks: Sequence[Pair], seed: int, choose: bool) -> Question:
    human = parse_answer(pair.response)
    assert human is not None  # noqa: S101 - only remarks are asked about
    if not choose:
        return Question(pair=pair, human=human, choices=())
    own = _plain(human.message)
    others: dict[str, str] = {}
    for other in sorted(remarks, key=lambda one: _shuffled(seed, f"{pair.id}\0{one.id}")):
        remark = parse_answer(other.response)
        if remark and other.repo == pair.repo and pull_of(other) != pull_of(pair):
            others.setdefault(_plain(remark.message), remark.message)
    others.pop(own, None)
    drawn = list(others.values())[: CHOICES - 1]
    choices = (human.message, *drawn) if len(drawn) == CHOICES - 1 else ()
    return Question(pair=pair, human=human, choices=choices)


def _thinned(
    pairs: Sequence[Pair], part: Split, most: int | None, weights: dict[str, float], seed: int
) -> list[Pair]:
    """The pairs of a part, at most so many silences and ambiguous ones; weights are filled in."""
    kept: list[Pair] = []
    kinds: tuple[ExampleKind, ...] = ("remark", "silence", "ambiguous")
    for kind in kinds:
        here = [p for p in pairs if p.split == part and p.kind == kind and p.window and p.located]
        limit = None if kind == "remark" else most
        chosen = sorted(here, key=lambda pair: _shuffled(seed, pair.id))[:limit]
        weights.update((pair.id, len(here) / len(chosen)) for pair in chosen)
        kept += chosen
    return sorted(kept, key=lambda pair: pair.id)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _shuffled(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{text}".encode()).digest()
