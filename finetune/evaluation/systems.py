"""Every way of deciding where to speak, on the same windows, and what the adapter gains over each.

In go a trial, gates and readings by engine; out come scores and gains. Unclear windows count in no
figure but the two that are named for them.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from finetune.evaluation.baselines import GATES
from finetune.evaluation.calibration import calibrate
from finetune.evaluation.metrics import Floats, Ranking, masked, mean_of
from finetune.evaluation.readings import Readings
from finetune.evaluation.scorecard import CurvePoint, Gain, SystemScore
from finetune.evaluation.trial import ADAPTER, Trial
from finetune.features import SPEAK
from finetune.gate import Gate


class Decider(msgspec.Struct, frozen=True, kw_only=True):
    """A way of deciding: a probability for each test window, and from which it speaks."""

    name: str
    probabilities: Sequence[float]
    threshold: float | None
    note: str
    sure: bool = True
    """False: its numbers are no probabilities."""

    def spoken(self) -> Floats:
        """1 for each window it speaks on, else 0."""
        if self.threshold is None:
            return np.zeros(len(self.probabilities))
        return (np.asarray(self.probabilities) >= self.threshold).astype(np.float64)


def decider_of(trial: Trial, name: str, gate: Gate, readings: Readings | None = None) -> Decider:
    """What a gate makes of the test windows."""
    return Decider(
        name=name,
        probabilities=trial.probabilities(gate, readings),
        threshold=gate.threshold,
        note=gate.note,
    )


def score_systems(
    trial: Trial, gates: Mapping[str, Gate], readings: Mapping[str, Readings], pulls: int
) -> tuple[tuple[SystemScore, ...], tuple[Gain, ...]]:
    """Scores of every way, the engines' first, and the adapter's gains over the others."""
    ways = [*_of_engines(trial, gates, readings), *_for_nothing(trial)]
    (ours,) = (way for way in ways if way.name == ADAPTER)
    return _score_all(trial, ours, ways, pulls)


def score_without_engine(
    trial: Trial, ours: Decider, pulls: int
) -> tuple[tuple[SystemScore, ...], tuple[Gain, ...]]:
    """The same for an adapter without weights: its own way, and those that need no engine."""
    return _score_all(trial, ours, [ours, *_for_nothing(trial)], pulls)


def _score_all(
    trial: Trial, ours: Decider, ways: Sequence[Decider], pulls: int
) -> tuple[tuple[SystemScore, ...], tuple[Gain, ...]]:
    scores = tuple(_score(trial, way, pulls) for way in ways)
    gains = tuple(gain_over(trial, ours, way) for way in ways if way.name not in (ADAPTER, "never"))
    return scores, gains


def gain_over(trial: Trial, ours: Decider, theirs: Decider) -> Gain:
    """What one way of deciding has over another, paired by resample."""
    draws, clear = trial.windows, trial.clear
    first, second = (Ranking(way.probabilities, trial.labels) for way in (ours, theirs))
    return Gain(
        over=theirs.name,
        auc=draws.difference(masked(first.auc, clear), masked(second.auc, clear)),
        average_precision=draws.difference(
            masked(first.average_precision, clear), masked(second.average_precision, clear)
        ),
    )


def _of_engines(
    trial: Trial, gates: Mapping[str, Gate], readings: Mapping[str, Readings]
) -> Iterator[Decider]:
    for name, gate in gates.items():
        yield decider_of(trial, name, gate, readings[name])
        alone = trial.fit((SPEAK,), SPEAK, readings[name])
        yield decider_of(trial, f"{name}, model alone", alone, readings[name])


def _for_nothing(trial: Trial) -> Iterator[Decider]:
    for baseline in GATES:
        yield decider_of(trial, baseline.name, trial.fit(baseline.features, baseline.alone))
    level = [0.0] * len(trial.test)
    for name, threshold, note in (
        ("always", 0.0, "speaks on every window"),
        ("never", None, "speaks on no window"),
    ):
        yield Decider(name=name, probabilities=level, threshold=threshold, note=note, sure=False)


def _score(trial: Trial, way: Decider, pulls: int) -> SystemScore:
    draws, labels, clear = trial.windows, trial.labels, trial.clear
    ranking = Ranking(way.probabilities, labels)
    spoken = way.spoken()
    with_ambiguous = Ranking(way.probabilities, np.maximum(labels, 1 - clear))
    points = ranking.curve(draws.weights * clear) if way.sure else []
    return SystemScore(
        name=way.name,
        auc=draws.interval(masked(ranking.auc, clear)),
        average_precision=draws.interval(masked(ranking.average_precision, clear)),
        auc_ambiguous_silent=draws.interval(ranking.auc),
        auc_ambiguous_remarked=draws.interval(with_ambiguous.auc),
        threshold=way.threshold,
        precision=draws.interval(mean_of(labels, clear * spoken)),
        recall=draws.interval(mean_of(spoken, labels)),
        f1=draws.interval(mean_of(labels * spoken, clear * (labels + spoken))),
        comments_per_pull=float((draws.weights * spoken).sum()) / pulls,
        note=way.note,
        calibration=calibrate(way.probabilities, labels, clear, draws) if way.sure else None,
        curve=tuple(
            CurvePoint(threshold=threshold, recall=recall, precision=precision)
            for threshold, recall, precision in points
        ),
    )
