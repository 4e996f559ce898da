"""Probabilities of a gate against what came: calibration error, Brier skill, and their bins."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finetune.evaluation.metrics import Bootstrap, Floats, ratio
from finetune.evaluation.scorecard import Calibration, CalibrationBin

BINS = 10


def calibrate(
    probabilities: Sequence[float], labels: Floats, clear: Floats, draws: Bootstrap
) -> Calibration | None:
    """`labels` and `clear` are (N,), 0 or 1; rows that are not clear count in nothing.

    None where there are no remarks, or nothing else.
    """
    said = np.asarray(probabilities, dtype=np.float64)
    weights = draws.weights * clear
    if not 0 < (weights * labels).sum() < weights.sum():
        return None
    bins = equal_bins(said, weights)

    in_bin = np.eye(bins.max() + 1)[bins] * ((said - labels) * clear)[:, None]
    columns = np.stack((clear, clear * labels, clear * (said - labels) ** 2), axis=-1)

    def error(drawn: Floats) -> Floats:
        return ratio(np.abs(drawn @ in_bin).sum(axis=-1), drawn @ clear)

    def skill(drawn: Floats) -> Floats:
        sums = drawn @ columns
        share = ratio(sums[..., 1], sums[..., 0])
        return 1 - ratio(sums[..., 2], sums[..., 0] * share * (1 - share))

    return Calibration(
        error=draws.interval(error),
        skill=draws.interval(skill),
        bins=tuple(
            _bin(said, labels, weights * (bins == one)) for one in np.unique(bins[clear > 0])
        ),
    )


def equal_bins(values: Floats, weights: Floats) -> NDArray[np.intp]:
    """The bin (N,) of each value, BINS of about the same weight; equal values stay together."""
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weights[order])
    edges = np.searchsorted(mass, mass[-1:] * np.arange(1, BINS) / BINS)
    cuts = np.unique(values[order][np.minimum(edges, len(order) - 1)])
    return np.searchsorted(cuts, values).astype(np.intp)


def _bin(said: Floats, labels: Floats, mass: Floats) -> CalibrationBin:
    total = float(mass.sum())
    return CalibrationBin(
        predicted=round(float((mass * said).sum()) / total, 6),
        observed=round(float((mass * labels).sum()) / total, 6),
        weight=round(total, 3),
    )
