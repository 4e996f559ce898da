"""Probabilities of a gate against what came: calibration error, Brier skill, and their bins."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finetune.evaluation.metrics import Bootstrap, Floats
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

    def error(drawn: Floats) -> float:
        mass = drawn * clear
        off = np.bincount(bins, mass * (said - labels))
        return float(np.abs(off).sum() / mass.sum()) if mass.sum() else float("nan")

    def skill(drawn: Floats) -> float:
        mass = drawn * clear
        share = (mass * labels).sum() / mass.sum() if mass.sum() else 0.0
        always = mass.sum() * share * (1 - share)
        return float(1 - (mass * (said - labels) ** 2).sum() / always) if always else float("nan")

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
