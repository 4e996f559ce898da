"""A window with fewer rows at its ends; the remark's anchor counts anew. Pure.

No row of the anchor goes, nor the rows next to it, where a reviewer looks. A silence has no
anchor, so it is given a place at which remarks stand, and that is kept in the same way: cut more
freely than remarks, short windows would mean silence.
"""

from collections.abc import Sequence
from random import Random

import msgspec

from finetune.augment.copies import (
    NO_GRAMMAR,
    Batch,
    Way,
    balance,
    copy_windowed,
    draw_for,
    read_remark,
)
from postil.answer import Anchor, Remark
from postil.errors import PayloadError
from postil.records import DiffLine, Pair

WAY: Way = "jitter"
MOST = 4
"""Rows that may go at each end."""
LEAST = 4
"""Rows that stay at least."""
NEAR = 2
"""Rows before and after the anchor that stay: blank lines, decorators, the line that follows."""

NOTHING_TO_DROP = "no row can go"

Cut = tuple[int, int]
"""Rows that go at the top and at the bottom."""


def jitter(pairs: Sequence[Pair], count: int, seed: int) -> Batch:
    """`count` copies of each pair with a window, or as many as there are ways to cut it."""
    places = [place for pair in pairs if (place := _place(pair)) is not None]
    batch = Batch(made=[])
    for pair in pairs:
        draw = draw_for(pair, WAY, seed)
        try:
            made = _copies(pair, count, places, draw)
        except PayloadError:
            made, batch.refused[NO_GRAMMAR] = [], batch.refused[NO_GRAMMAR] + 1
        else:
            batch.refused[NOTHING_TO_DROP] += count - len(made)
        batch.made.append(made)
    return balance(batch, pairs, WAY, seed)


def _copies(pair: Pair, count: int, places: Sequence[float], draw: Random) -> list[Pair]:
    assert pair.window is not None  # noqa: S101 - only pairs with a window are asked for
    remark, lines = read_remark(pair), pair.window.lines
    start, end = (
        (remark.anchor.start, remark.anchor.end)
        if remark
        else (_row_at(lines, draw.choice(places) if places else draw.random()),) * 2
    )
    cuts = possible_cuts(lines, start, end)
    made = []
    for number, (top, bottom) in enumerate(draw.sample(cuts, min(count, len(cuts))), 1):
        window = msgspec.structs.replace(pair.window, lines=lines[top : len(lines) - bottom])
        made.append(copy_windowed(pair, WAY, number, window, remark and _moved(remark, top)))
    return made


def possible_cuts(lines: Sequence[DiffLine], start: int, end: int) -> list[Cut]:
    """Every cut that leaves the rows from `start` to `end`, 1-based, and enough around them.

    Kept rows go first: a changed one only at an end that has no kept row.
    """
    tops = min(MOST, _free(lines), max(0, start - 1 - NEAR))
    bottoms = min(MOST, _free(lines[::-1]), max(0, len(lines) - end - NEAR))
    cuts = [(top, bottom) for top in range(tops + 1) for bottom in range(bottoms + 1)]
    return [cut for cut in cuts if any(cut) and _enough(lines[cut[0] : len(lines) - cut[1]])]


def _free(lines: Sequence[DiffLine]) -> int:
    """How many of the first rows may go: those kept, or any where the first one is changed."""
    kept = next((row for row, line in enumerate(lines) if line.kind != " "), len(lines))
    return kept or len(lines)


def _enough(lines: Sequence[DiffLine]) -> bool:
    return len(lines) >= LEAST and any(line.kind != " " for line in lines)


def _place(pair: Pair) -> float | None:
    """Where among the changed rows a remark stands, 0 to 1; None where that says nothing."""
    if pair.kind != "remark" or not pair.located or pair.window is None:
        return None
    changed = _changed_rows(pair.window.lines)
    try:
        remark = read_remark(pair)
    except PayloadError:
        return None
    if remark is None or len(changed) < 2:
        return None
    nearest = min(changed, key=lambda row: abs(row - remark.anchor.start))
    return changed.index(nearest) / (len(changed) - 1)


def _row_at(lines: Sequence[DiffLine], place: float) -> int:
    changed = _changed_rows(lines)
    return changed[round(place * (len(changed) - 1))] if changed else 1


def _changed_rows(lines: Sequence[DiffLine]) -> list[int]:
    return [row for row, line in enumerate(lines, 1) if line.kind != " "]


def _moved(remark: Remark, top: int) -> Remark:
    anchor = remark.anchor
    moved = Anchor(side=anchor.side, start=anchor.start - top, end=anchor.end - top)
    return msgspec.structs.replace(remark, anchor=moved)
