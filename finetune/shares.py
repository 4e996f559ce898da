"""How sure a share is that was counted on few. Pure."""

from math import sqrt

NORMAL = 1.96
"""Standard errors to each side that hold 95 %."""


def wilson(hits: float, of: float, errors: float) -> tuple[float, float]:
    """The interval of a share, of so many standard errors; `of` above 0 may be a weight.

    Wilson's (1927), which holds for few as well (Brown, Cai, DasGupta 2001, "Interval estimation
    for a binomial proportion").
    """
    share, square = hits / of, errors**2
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = errors / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of * of))
    # The share is inside, but for the rounding of the last bit where nothing, or all, was a hit.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))
