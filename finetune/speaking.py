"""When an adapter speaks: its gate, topics that are due, and whether it has words to quote. Pure.

Reviews and evaluations decide by this alone, so that what was measured is what is done.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

import msgspec

from finetune.categories import categorize
from finetune.fitting import row_likeness
from finetune.gate import Gate
from finetune.recall import LEAST_SIMILAR, Recall
from finetune.topics import Fired, Topic, fire, least_precision
from postil.records import AdapterCard, Way, Window

BELOW = 0.999
"""Times a threshold: just under it."""


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """What decides whether an adapter speaks, with or without weights."""

    way: Way
    gate: Gate | None
    """None: it was never calibrated."""
    recall: Recall
    topics: tuple[Topic, ...] = ()

    @property
    def threshold(self) -> float | None:
        """From which chance it speaks; None: never."""
        return threshold_of(self.way, self.gate, self.topics)

    def due(self, window: Window, before: datetime | None = None) -> Fired | None:
        """The topic to speak of, from remarks older than that time; only who quotes has any."""
        if self.way != "recall":
            return None
        return fire(self.topics, self.recall, window, before)

    def chance(self, window: Window, gated: float, before: datetime | None = None) -> float:
        """From `gated`, the gate's probability, to that by which it speaks.

        A topic that is due speaks by its own threshold, whatever the gate says. Where the gate has
        no threshold nothing else speaks, and who quotes says nothing of code unlike all that was
        remarked on.
        """
        threshold = self.threshold
        if threshold is None:
            return gated
        if due := self.due(window, before):
            return max(gated, due.topic.precision or 0.0, threshold)
        if (self.gate is None or self.gate.threshold is not None) and self._has_words(
            window, before
        ):
            return gated
        return min(gated, threshold * BELOW)

    def _has_words(self, window: Window, before: datetime | None) -> bool:
        if self.way != "recall":
            return True
        nearest = self.recall.similar(window, before, 1)
        alike = bool(nearest) and nearest[0].similarity >= LEAST_SIMILAR
        return alike or row_likeness(self.recall, window, before) >= LEAST_SIMILAR


def unsure(message: str, chance: float, by_kind: Mapping[str, float | None]) -> str:
    """Why a remark is not made though its window is likely enough; "" where it is.

    `by_kind`: thresholds of kinds of remarks that have one of their own; None: never said.
    """
    kind = categorize(message) if by_kind else ""
    threshold = by_kind.get(kind, 0.0)
    if threshold is None:
        return f"remarks of the kind {kind} are never right often enough"
    return f"not sure enough for the kind {kind}" if chance < threshold else ""


def way_of(card: AdapterCard) -> Way:
    """How an adapter says things."""
    return cast(Way, card.scoring.get("way", "write"))


def threshold_of(way: Way, gate: Gate | None, topics: Sequence[Topic]) -> float | None:
    """The gate's; where it has none, that of the least sure topic of an adapter that quotes."""
    if gate is None or gate.threshold is not None or way != "recall":
        return gate.threshold if gate else None
    return least_precision(topics)
