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
from finetune.feature_names import SPEAK
from finetune.gate import Gate
from finetune.speaking import Voice, unsure

NEVER = -1.0
"""Below every threshold."""


class Decider(msgspec.Struct, frozen=True, kw_only=True):
    """A way of deciding: a probability for each test window, and from which it speaks."""

    name: str
    probabilities: Sequence[float]
    threshold: float | None
    note: str
    promised: float | None = None
    """The precision the threshold was chosen for."""
    sure: bool = True
    """False: its numbers are no probabilities."""
    chances: Sequence[float] | None = None
    """By which it speaks, where those are not the probabilities."""

    def spoken(self) -> Floats:
        """1 for each window it speaks on, else 0."""
        if self.threshold is None:
            return np.zeros(len(self.probabilities))
        chances = self.probabilities if self.chances is None else self.chances
        return (np.asarray(chances) >= self.threshold).astype(np.float64)


def decider_of(trial: Trial, name: str, gate: Gate, readings: Readings | None = None) -> Decider:
    """What a gate makes of the test windows."""
    return Decider(
        name=name,
        probabilities=trial.probabilities(gate, readings),
        threshold=gate.threshold,
        note=gate.note,
        promised=gate.wanted_precision,
    )


def decider_of_voice(trial: Trial, voice: Voice, readings: Readings | None = None) -> Decider:
    """What an adapter makes of the test windows: it speaks as in a review."""
    assert voice.gate is not None  # noqa: S101 - an evaluation fits one where there is none
    gated = decider_of(trial, ADAPTER, voice.gate, readings)
    chances = [
        voice.chance(pair.window, probability, pair.decided_at) if pair.window else probability
        for pair, probability in zip(trial.plan.test, gated.probabilities, strict=True)
    ]
    return msgspec.structs.replace(gated, threshold=voice.threshold, chances=chances)


def without_unsure(
    trial: Trial, ours: Decider, by_kind: Mapping[str, float | None], said: Mapping[str, str]
) -> Decider:
    """Silent where a review would drop the remark for its kind; `said` by pair id."""
    chances = ours.probabilities if ours.chances is None else ours.chances
    kept = [
        NEVER if pair.id in said and unsure(said[pair.id], chance, by_kind) else chance
        for pair, chance in zip(trial.plan.test, chances, strict=True)
    ]
    return msgspec.structs.replace(ours, chances=kept)


def score_systems(
    trial: Trial,
    ours: Decider,
    gates: Mapping[str, Gate],
    readings: Mapping[str, Readings],
    pulls: int,
) -> tuple[tuple[SystemScore, ...], tuple[Gain, ...]]:
    """Scores of every way, the adapter's first, then the engines' with their gates, if it has any,
    and the adapter's gains over the others."""
    ways = [ours, *_of_engines(trial, gates, readings), *_for_nothing(trial)]
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
        if name != ADAPTER:
            yield decider_of(trial, name, gate, readings[name])
        alone = trial.fit((SPEAK,), (SPEAK,), readings[name])
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
        promised=None if way.threshold is None else way.promised,
        spoken=int((clear * spoken).sum()),
        right=int((labels * clear * spoken).sum()),
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
