"""Which past remarks fit a place in a window: by the row they stood on first, then by the code
around it.

A remark is about its row. Whole windows that are alike tell little of what was said in them
(docs/decisions/009-rows-not-windows.md).
"""

from datetime import datetime

import numpy as np

from finetune.code_names import borrowed_names, names_in
from finetune.recall import LEAST_SIMILAR, Match, Recall
from postil.answer import Anchor, Remark, row_letter
from postil.records import Window

AROUND = 0.25
"""What the likeness of the window counts beside that of the rows."""
STRANGE = 0.6
"""What the fit of a remark counts that names code which stands where it was made and not here."""
POOL = 32
"""Past remarks looked at, by rows and by windows each; the same for every `k`, so that the best of
many is the best of one."""


def fitting(
    recall: Recall, window: Window, anchor: Anchor, before: datetime | None, k: int
) -> list[Match]:
    """The best `k` past remarks for this place, decided before that time, best first.

    What is too unlike to be quoted comes after all that is not.
    """
    rows = [line.text for line in window.lines[anchor.start - 1 : anchor.end]]
    alike = recall.row_likeness("\n".join(rows), before)
    around = {id(m.entry): m.similarity for m in recall.similar(window, before, POOL)}
    best = set(np.argsort(-alike, kind="stable")[:POOL].tolist())
    here = names_in(window)
    found = [
        Match(
            entry=entry,
            similarity=around.get(id(entry), 0.0),
            row=anchor.start,
            row_similarity=min(1.0, float(alike[number])),
            strange=not borrowed_names(entry.message, entry.text) <= here,
        )
        for number, entry in enumerate(recall.entries[: len(alike)])
        if number in best or id(entry) in around
    ]
    return sorted(found, key=lambda match: (match.likeness < LEAST_SIMILAR, -fit(match)))[:k]


def fit(match: Match) -> float:
    """How well a past remark fits the place it was found for."""
    alike = match.row_similarity + AROUND * match.similarity
    return STRANGE * alike if match.strange else alike


def best_place(recall: Recall, window: Window, before: datetime | None) -> Anchor | None:
    """The changed row most like one that drew a remark; None where none is like any."""
    changed = recall.changed_rows(window, before)
    likest = ((float(alike.max(initial=0)), row) for row, alike in changed)
    likeness, row = max(likest, key=lambda one: one[0], default=(0.0, 0))
    if not likeness:
        return None
    return Anchor(side=row_letter(window.lines[row - 1].kind), start=row, end=row)


def best_remark(recall: Recall, window: Window, before: datetime | None) -> Remark | None:
    """What is said without a model: at the best place, the past remark that fits there best."""
    place = best_place(recall, window, before)
    if place is None:
        return None
    return Remark(anchor=place, message=fitting(recall, window, place, before, 1)[0].entry.message)


def row_likeness(recall: Recall, window: Window, before: datetime | None) -> float:
    """How like the likest changed row is to one that drew a remark, 0 to 1."""
    rows = recall.changed_rows(window, before)
    return max((float(alike.max(initial=0.0)) for _, alike in rows), default=0.0)
