"""Which test remarks neither of two adapters can have seen. Pure.

A candidate is measured beside the live adapter on what was decided after the last pull request that
either learned from: what the live one was trained, stopped or calibrated on would flatter it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from postil.records import AdapterCard, Pair


def seen_until(pairs: Iterable[Pair]) -> datetime | None:
    """When the youngest pull request outside of the test part was decided; None: undated."""
    dates = (pair.decided_at for pair in pairs if pair.split != "test")
    return max((date for date in dates if date is not None), default=None)


def known_until(card: AdapterCard) -> datetime:
    """Until when an adapter may have seen pull requests, by its card."""
    return card.seen_until or card.created_at


def newer_test(pairs: Sequence[Pair], until: datetime) -> tuple[Pair, ...]:
    """The pairs without those of the test part that were decided by then, or nobody knows when."""
    return tuple(
        pair
        for pair in pairs
        if pair.split != "test" or (pair.decided_at is not None and pair.decided_at > until)
    )


def windows_to_test(pairs: Iterable[Pair]) -> int:
    """How many windows of the test part can be measured on."""
    return sum(pair.split == "test" and pair.window is not None and pair.located for pair in pairs)
