"""A training pair -> a copy of it, under the same grammar; which copies are too many. Pure.

A copy keeps what its original is known by (example, pull request, time, author) and has an id
that names the original. Copies live for one training run: index, gate and the card's data hash
never see them.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Literal

import msgspec

from postil.answer import Remark, parse_answer, render_answer
from postil.errors import PayloadError
from postil.prompt import render_question
from postil.records import Pair, Window

Way = Literal["jitter", "renaming", "paraphrase", "back-translation"]
WAYS: tuple[Way, ...] = ("jitter", "renaming", "paraphrase", "back-translation")
COPY = re.compile(rf"~(?:{'|'.join(WAYS)})-\d+$")
"""The end of a copy's id."""

UNBALANCED = "more than the other label has"
NO_GRAMMAR = "an answer outside the grammar"


class Batch(msgspec.Struct, kw_only=True):
    """What one way gave: copies of each asked pair, in order, and why others were not made."""

    made: list[list[Pair]]
    refused: Counter[str] = msgspec.field(default_factory=Counter)


def is_copy(pair: Pair) -> bool:
    """Whether a pair was made from another one."""
    return COPY.search(pair.id) is not None


def copy_windowed(pair: Pair, way: Way, number: int, window: Window, remark: Remark | None) -> Pair:
    """A copy with another window, and the remark that fits it; None: silence."""
    return msgspec.structs.replace(
        pair,
        id=f"{pair.id}~{way}-{number}",
        window=window,
        instruction=render_question(window),
        response=render_answer(remark),
    )


def copy_reworded(pair: Pair, way: Way, number: int, response: str) -> Pair:
    """A copy with another message. It teaches wording only: there is no silence beside it, so a
    decision learned from it would be to speak more often."""
    name = f"{pair.id}~{way}-{number}"
    return msgspec.structs.replace(pair, id=name, response=response, located=False)


def read_remark(pair: Pair) -> Remark | None:
    """The remark of a pair, None for silence; PayloadError where the answer is none of ours."""
    remark = parse_answer(pair.response)
    lines = pair.window.lines if pair.window else ()
    if remark is not None and pair.window is not None and remark.anchor.end > len(lines):
        raise PayloadError(f"pair {pair.id}: its anchor is outside its window")
    return remark


def draw_for(pair: Pair, way: str, seed: int) -> Random:
    """Random numbers that depend on nothing but the pair, the way and the seed."""
    return Random(shuffled(pair.id, way, seed))  # noqa: S311 - a choice, not a secret


def shuffled(identity: str, way: str, seed: int) -> bytes:
    """A place in an order that only looks random."""
    return hashlib.sha256(f"{seed}\0{way}\0{identity}".encode()).digest()


def balance(batch: Batch, pairs: Sequence[Pair], way: Way, seed: int) -> Batch:
    """Leave out copies until remarks and silences have equally many an original.

    Otherwise the traces that a way leaves in a window would tell its label. Pairs that teach
    wording only do not count.
    """
    copies: dict[str, list[Pair]] = {"remark": [], "silence": []}
    count: Counter[str] = Counter()
    for pair, made in zip(pairs, batch.made, strict=True):
        if pair.located:
            copies[pair.kind] += made
            count[pair.kind] += 1
    if not all(count.values()) or len(count) < len(copies):
        return batch
    rate = min(len(made) / count[kind] for kind, made in copies.items())
    spare: set[str] = set()
    for kind, made in copies.items():
        order = sorted((pair.id for pair in made), key=lambda name: shuffled(name, way, seed))
        spare.update(order[round(rate * count[kind]) :])
    kept = [[pair for pair in made if pair.id not in spare] for made in batch.made]
    return Batch(made=kept, refused=batch.refused + Counter({UNBALANCED: len(spare)}))
