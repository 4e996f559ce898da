"""Probabilities of windows as counts in fixed bins, and how far two such counts lie apart. Pure.

The measure is the population stability index (Siddiqi 2006, "Credit Risk Scorecards"): the sum over
bins of (p - q) ln(p / q). Under 0.1 is no shift to speak of, over 0.25 a large one.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import log

EDGES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
"""Between bins; finer where most windows lie, whose chance of a remark is small."""
BINS = len(EDGES) + 1


def count_scores(probabilities: Iterable[float]) -> tuple[int, ...]:
    """How many lie in each of BINS bins."""
    counts = [0] * BINS
    for value in probabilities:
        counts[bisect_right(EDGES, value)] += 1
    return tuple(counts)


def add_counts(counts: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """The sum, bin by bin; what is of no bins is left out."""
    rows = [one for one in counts if len(one) == BINS]
    return tuple(sum(column) for column in zip(*rows, strict=True)) if rows else (0,) * BINS


def stability(before: Sequence[int], now: Sequence[int]) -> float:
    """The index of two counts in the same bins; half a window is put into every bin, so that an
    empty one is not infinitely far away."""
    total_before, total_now = sum(before) + len(before) / 2, sum(now) + len(now) / 2
    pairs = [
        ((b + 0.5) / total_before, (n + 0.5) / total_now) for b, n in zip(before, now, strict=True)
    ]
    return sum((n - b) * log(n / b) for b, n in pairs)
