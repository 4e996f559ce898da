"""Figures with 95 % intervals, resampled by pull request. Numpy alone.

In go scores, labels, weights and the pull request of each row; out come an `Interval` for each
figure. Windows of one pull request are not independent, so whole pull requests are drawn. A
weight above 1 says that a row stands for others like it that were not scored.
"""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from postil.records import Record

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], float]
"""A figure from the weights (N,) of the rows; nan where it has no meaning."""

RESAMPLES = 1000
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
        """Weight of positives and of negatives in each block of equal scores."""
        if not len(self._starts):
            return np.zeros(0), np.zeros(0)
        ranked = weights[self._order]
        hits = np.add.reduceat(ranked * self._positive, self._starts)
        misses = np.add.reduceat(ranked * (1 - self._positive), self._starts)
        return hits, misses

    def auc(self, weights: Floats) -> float:
        """Chance that a remark ranks above a silence; equal scores count half."""
        hits, misses = self._blocks(weights)
        pairs = hits.sum() * misses.sum()
        if pairs <= 0:
            return float("nan")
        above = np.cumsum(hits) - hits / 2
        return float((above * misses).sum() / pairs)

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

    def average_precision(self, weights: Floats) -> float:
        """Mean precision over the remarks, in steps of distinct scores (as scikit-learn's)."""
        hits, misses = self._blocks(weights)
        if hits.sum() <= 0:
            return float("nan")
        found, spoken = np.cumsum(hits), np.cumsum(hits + misses)
        precision = np.divide(found, spoken, out=np.zeros_like(found), where=spoken > 0)
        return float((precision * hits).sum() / hits.sum())


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
        return np.array([statistic(self.weights * draw[self._group]) for draw in self._draws])

    def interval(self, statistic: Statistic) -> Interval:
        """The figure over all rows, and where 95 % of the resamples lie."""
        return interval_of(statistic(self.weights), self.draws(statistic))

    def jackknife(self, statistic: Statistic) -> Interval:
        """For shares that a row drawn twice would move, such as that of different words.

        Every pull request is left out once; the share and 1.96 standard errors to each side.
        """
        value = statistic(self.weights)
        count = int(self._group.max()) + 1 if len(self._group) else 0
        left = [statistic(self.weights * (self._group != group)) for group in range(count)]
        known = np.array([one for one in left if np.isfinite(one)])
        if not np.isfinite(value) or len(known) < 2:
            return UNKNOWN
        error = NORMAL * float(np.sqrt((len(known) - 1) * known.var()))
        low, high = max(0.0, value - error), min(1.0, value + error)
        return Interval(value=_short(value), low=_short(low), high=_short(high))

    def difference(self, ours: Statistic, theirs: Statistic) -> Interval:
        """Ours less theirs, paired by resample."""
        value = ours(self.weights) - theirs(self.weights)
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

    def mean(weights: Floats) -> float:
        total = float((weights * counts).sum())
        return float((weights * counts * array).sum()) / total if total > 0 else float("nan")

    return mean


def masked(statistic: Statistic, rows: ArrayLike) -> Statistic:
    """The same figure on some of the rows only: those (N,) that are 1 and not 0."""
    kept = np.asarray(rows, dtype=np.float64)
    return lambda weights: statistic(weights * kept)


def chrf(text: str, reference: str) -> float:
    """Likeness of two remarks from 0 to 100: sacrebleu's chrF2, by sentence."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().sentence_score(text, [reference]).score)


def _short(value: float) -> float:
    """Six digits: more is noise, and differs between machines."""
    return float(f"{value:.6g}")
