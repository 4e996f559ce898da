"""Probabilities and labels -> from where to speak. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finetune.shares import wilson
from postil.records import Record

LEAST_SPOKEN = 5
"""Windows a threshold must have spoken on before its precision counts."""


class Threshold(Record, frozen=True, kw_only=True):
    """Where to speak from, and what that gave on the windows it was chosen on."""

    value: float | None
    precision: float | None = None
    recall: float | None = None


def choose_threshold(
    probabilities: Sequence[float],
    labels: Sequence[bool],
    min_precision: float,
    *,
    weights: Sequence[float] | None = None,
    least: int = LEAST_SPOKEN,
    errors: float = 0.0,
) -> Threshold:
    """The threshold of best F1 among those whose windows hold at least that share of remarks.

    Not the lowest of them: below the last remark it would only add false alarms, up to what the
    wanted precision allows. It lies midway to the next probability below, so that rounding flips
    nothing. None where no threshold reaches the precision on `least` windows or more.

    `errors`: it must be reached by so many standard errors. Of a few windows some threshold reaches
    most precisions by luck, and where silences were thinned, none seen may be dozens unseen.
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    counts = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=np.float64)
    hits = np.where(np.asarray(labels, dtype=bool), counts, 0.0)[order]
    found, spoken = np.cumsum(hits), np.cumsum(counts[order])
    last_of_block = np.diff(scores, append=-np.inf) != 0
    enough = np.arange(1, len(scores) + 1) >= least
    reached = last_of_block & enough & (found >= min_precision * spoken) & (found > 0)
    if errors:
        reached &= _lower_bounds(hits > 0, counts[order], errors) >= min_precision
    good = np.flatnonzero(reached)
    if not len(good):
        return Threshold(value=None)
    f1 = 2 * found / (spoken + found[-1])
    at = int(good[np.argmax(f1[good])])
    below = float(scores[at + 1]) if at + 1 < len(scores) else 0.0
    return Threshold(
        value=(float(scores[at]) + below) / 2,
        precision=float(found[at] / spoken[at]),
        recall=float(found[at] / found[-1]),
    )


def _lower_bounds(
    right: NDArray[np.bool_], counts: NDArray[np.float64], errors: float
) -> NDArray[np.float64]:
    """The lower bound of precision on the first one, two, ... windows, as their kinds weigh."""
    silence, remark = (counts[kind].mean() if kind.any() else 1.0 for kind in (~right, right))
    bounds = []
    for spoken, found in enumerate(np.cumsum(right).tolist(), 1):
        share = wilson(found, spoken, errors)[0]
        bounds.append(share * remark / (share * remark + (1 - share) * silence))
    return np.array(bounds)
