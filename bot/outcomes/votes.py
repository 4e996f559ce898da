"""How much each outcome weighs, so that no one person decides for all. Pure.

A vote belongs to whoever decided. Nobody's votes weigh more than a share of all: those of who has
more are scaled down alike, so that more of the same changes nothing. With the default of a third,
two people decide nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from postil.records import Outcome

EXACT = 1e-9


def weigh(outcomes: Sequence[Outcome], share: float) -> list[float]:
    """The weight of each outcome, 0 to 1, in their order; `share` up to 1, which caps nobody."""
    counts = Counter(one.decided_by.lower() for one in outcomes)
    most = most_votes(counts.values(), share)
    return [min(1.0, most / counts[one.decided_by.lower()]) for one in outcomes]


def most_votes(counts: Iterable[int], share: float) -> float:
    """The most that anybody's votes may add up to: a share of all votes that then count."""
    ordered = sorted(counts, reverse=True)
    rest = float(sum(ordered))
    for capped, count in enumerate(ordered):
        room = 1 - share * capped
        if room <= EXACT:
            return 0.0
        most = share * rest / room
        if count <= most + EXACT:
            return most
        rest -= count
    return 0.0
