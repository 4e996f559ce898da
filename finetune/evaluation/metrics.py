"""Figures with 95 % intervals, resampled by pull request. Numpy alone.

In go scores, labels, weights and the pull request of each row; out come an `Interval` for each
figure. Windows of one pull request are not independent, so whole pull requests are drawn. A
weight above 1 says that a row stands for others like it that were not scored.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from postil.records import Record

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""Figures (...) from weights (..., N) of the rows, for many draws at once; nan where undefined."""

RESAMPLES = 1000
AT_ONCE = 1 << 16
"""Weights held at once while draws are taken: so that they stay near the processor."""
COVERAGE = (2.5, 97.5)
NORMAL = 1.96
"""Standard errors to each side that hold 95 %."""
CURVE_POINTS = 50


class Interval(Record, frozen=True, kw_only=True):
    """A figure and its 95 % bootstrap interval; all None where it cannot be measured."""

    value: float | None
    low: float | None
    high: float | None


UNKNOWN = Interval(value=None, low=None, high=None)


class Ranking:
    """Scores against labels, sorted once; each figure is then linear in the rows."""

    def __init__(self, scores: ArrayLike, labels: ArrayLike) -> None:
        values = np.asarray(scores, dtype=np.float64)
        self._order = np.argsort(-values, kind="stable")
        self._positive = np.asarray(labels, dtype=np.float64)[self._order]
        self._ranked = values[self._order]
        self._starts = np.flatnonzero(np.diff(self._ranked, prepend=np.inf))
        """Where each block of equal scores begins, highest first."""

    def _blocks(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weight (..., blocks) of positives and of negatives in each block of equal scores."""
        if not len(self._starts):
            nothing = np.zeros((*weights.shape[:-1], 0))
            return nothing, nothing
        ranked = weights[..., self._order]
        hits = np.add.reduceat(ranked * self._positive, self._starts, axis=-1)
        misses = np.add.reduceat(ranked * (1 - self._positive), self._starts, axis=-1)
        return hits, misses

    def auc(self, weights: Floats) -> Floats:
        """Chance that a remark ranks above a silence; equal scores count half."""
        hits, misses = self._blocks(weights)
        above = np.cumsum(hits, axis=-1) - hits / 2
        return ratio((above * misses).sum(axis=-1), hits.sum(axis=-1) * misses.sum(axis=-1))

    def curve(self, weights: Floats) -> list[tuple[float, float, float]]:
        """Threshold, recall and precision from the highest score down, at most CURVE_POINTS."""
        hits, misses = self._blocks(weights)
        if hits.sum() <= 0:
            return []
        found, spoken = np.cumsum(hits), np.cumsum(hits + misses)
        seen = np.flatnonzero(hits + misses > 0)
        places = seen[np.linspace(0, len(seen) - 1, min(CURVE_POINTS, len(seen))).astype(int)]
        return [
            (
                _short(self._ranked[self._starts[at]]),
                _short(found[at] / hits.sum()),
                _short(found[at] / spoken[at]),
            )
            for at in places
        ]

    def average_precision(self, weights: Floats) -> Floats:
        """Mean precision over the remarks, in steps of distinct scores (as scikit-learn's)."""
        hits, misses = self._blocks(weights)
        found, spoken = np.cumsum(hits, axis=-1), np.cumsum(hits + misses, axis=-1)
        precision = np.divide(found, spoken, out=np.zeros_like(found), where=spoken > 0)
        return ratio((precision * hits).sum(axis=-1), hits.sum(axis=-1))


class Bootstrap:
    """The same draws of pull requests for every figure, so that differences are paired."""

    def __init__(
        self,
        groups: Sequence[Hashable],
        weights: ArrayLike | None = None,
        *,
        seed: int = 7,
        resamples: int = RESAMPLES,
    ) -> None:
        names = {name: place for place, name in enumerate(dict.fromkeys(groups))}
        self._group = np.array([names[name] for name in groups], dtype=np.intp)
        given = np.ones(len(groups)) if weights is None else np.asarray(weights, dtype=np.float64)
        self.weights: Floats = given
        draw = np.random.default_rng(seed)
        count = len(names)
        chance = np.full(max(1, count), 1 / max(1, count))
        self._draws = draw.multinomial(count, chance, size=resamples)

    def draws(self, statistic: Statistic) -> Floats:
        """The figure in every resample (R,), nan where it has no meaning there."""
        step = max(1, AT_ONCE // max(1, len(self._group)))
        parts = (self._draws[at : at + step] for at in range(0, len(self._draws), step))
        return np.concatenate(
            [statistic(self.weights * part[:, self._group]) for part in parts] or [np.zeros(0)]
        )

    def interval(self, statistic: Statistic) -> Interval:
        """The figure over all rows, and where 95 % of the resamples lie."""
        return interval_of(float(statistic(self.weights)), self.draws(statistic))

    def jackknife(self, statistic: Callable[[Floats], float | Floats]) -> Interval:
        """For shares that a row drawn twice would move, such as that of different words.

        Every pull request is left out once; the share and 1.96 standard errors to each side.
        """
        value = float(statistic(self.weights))
        count = int(self._group.max()) + 1 if len(self._group) else 0
        left = [float(statistic(self.weights * (self._group != group))) for group in range(count)]
        known = np.array([one for one in left if np.isfinite(one)])
        if not np.isfinite(value) or len(known) < 2:
            return UNKNOWN
        error = NORMAL * float(np.sqrt((len(known) - 1) * known.var()))
        low, high = max(0.0, value - error), min(1.0, value + error)
        return Interval(value=_short(value), low=_short(low), high=_short(high))

    def difference(self, ours: Statistic, theirs: Statistic) -> Interval:
        """Ours less theirs, paired by resample."""
        value = float(ours(self.weights) - theirs(self.weights))
        return interval_of(value, self.draws(ours) - self.draws(theirs))


def interval_of(value: float, draws: Floats) -> Interval:
    """The 95 % interval of a figure; unknown where the figure is."""
    known = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(known):
        return UNKNOWN
    low, high = np.percentile(known, COVERAGE)
    return Interval(value=_short(value), low=_short(low), high=_short(high))


def mean_of(values: ArrayLike, over: ArrayLike | None = None) -> Statistic:
    """The mean of values (N,), each counted `over` (N,) times: 0 leaves a row out."""
    array = np.asarray(values, dtype=np.float64)
    counts = np.ones_like(array) if over is None else np.asarray(over, dtype=np.float64)

    columns = np.stack((counts * array, counts), axis=-1)

    def mean(weights: Floats) -> Floats:
        sums = weights @ columns
        return ratio(sums[..., 0], sums[..., 1])

    return mean


def ratio(above: Floats, below: Floats) -> Floats:
    """Above over below (...); nan where there is nothing below."""
    none: Floats = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=none, where=np.asarray(below) > 0)
    return none


def masked(statistic: Statistic, rows: ArrayLike) -> Statistic:
    """The same figure on some of the rows only: those (N,) that are 1 and not 0."""
    kept = np.asarray(rows, dtype=np.float64)
    return lambda weights: statistic(weights * kept)


@lru_cache(maxsize=1 << 16)
def chrf(text: str, reference: str) -> float:
    """Likeness of two remarks from 0 to 100: sacrebleu's chrF2, by sentence."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().sentence_score(text, [reference]).score)


def _short(value: float) -> float:
    """Six digits: more is noise, and differs between machines."""
    return float(f"{value:.6g}")
