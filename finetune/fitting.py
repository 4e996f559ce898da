"""Which past remarks fit a place in a window: by the row they stood on first, then by the code
around it.

A remark is about its row. Whole windows that are alike tell little of what was said in them
(docs/decisions/009-rows-not-windows.md).
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from finetune.recall import CANDIDATES, Match, Recall
from postil.answer import Anchor
from postil.records import Window

AROUND = 0.25
"""What the likeness of the window counts beside that of the rows."""


def fitting(
    recall: Recall, window: Window, anchor: Anchor, before: datetime | None, k: int
) -> list[Match]:
    """The best `k` past remarks for this place, decided before that time, best first."""
    rows = [line.text for line in window.lines[anchor.start - 1 : anchor.end]]
    alike = recall.row_likeness("\n".join(rows), before)
    around = {id(m.entry): m.similarity for m in recall.similar(window, before, k * CANDIDATES)}
    best = set(np.argsort(-alike, kind="stable")[: k * CANDIDATES].tolist())
    found = [
        Match(
            entry=entry,
            similarity=around.get(id(entry), 0.0),
            row=anchor.start,
            row_similarity=min(1.0, float(alike[number])),
        )
        for number, entry in enumerate(recall.entries[: len(alike)])
        if number in best or id(entry) in around
    ]
    return sorted(found, key=lambda match: -fit(match))[:k]


def fit(match: Match) -> float:
    """How well a past remark fits the place it was found for."""
    return match.row_similarity + AROUND * match.similarity


def best_place(recall: Recall, window: Window, before: datetime | None) -> Match | None:
    """The changed row most like one that drew a remark, and that remark; None where none is."""
    found: tuple[float, int, int] | None = None
    for row, alike in _changed_rows(recall, window, before):
        number = int(np.argmax(alike))
        if alike[number] > 0 and (found is None or alike[number] > found[0]):
            found = float(alike[number]), row, number
    if found is None:
        return None
    likeness, row, number = found
    return Match(
        entry=recall.entries[number],
        similarity=0.0,
        row=row,
        row_similarity=min(1.0, likeness),
    )


def row_likeness(recall: Recall, window: Window, before: datetime | None) -> float:
    """How like the likest changed row is to one that drew a remark, 0 to 1."""
    return max(
        (float(alike.max()) for _, alike in _changed_rows(recall, window, before)), default=0.0
    )


def _changed_rows(
    recall: Recall, window: Window, before: datetime | None
) -> Sequence[tuple[int, np.ndarray[tuple[int], np.dtype[np.float64]]]]:
    """By row, 1-based: its likeness to each known entry's; none where nothing is known."""
    found = [
        (row, recall.row_likeness(line.text, before))
        for row, line in enumerate(window.lines, 1)
        if line.kind != " "
    ]
    return [(row, alike) for row, alike in found if len(alike)]
