"""An adapter against its base and against what costs nothing, on what came later.

In go the pairs of a dataset, the index of the training part, and a way to open each engine; out
comes a `Scorecard`. Gates are fitted on the calibration part, everything else is measured on the
test part. Base and adapter are open one after another, never together.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from math import exp
from statistics import fmean

import numpy as np

from finetune.engines import Engine
from finetune.evaluation.baselines import GATES
from finetune.evaluation.metrics import Floats, Ranking, Statistic, mean_of
from finetune.evaluation.readings import (
    Limits,
    Plan,
    Progress,
    Question,
    Readings,
    make_plan,
    no_progress,
    score_pairs,
    take_readings,
)
from finetune.evaluation.scorecard import Counts, EngineScore, Gain, Scorecard, SystemScore
from finetune.evaluation.trial import ADAPTER, BASE, Trial, token_loss
from finetune.evaluation.wording import gather_remarks, score_text, view_samples
from finetune.features import FEATURES, SPEAK, label_window, pull_of, with_speak
from finetune.gate import Gate
from finetune.gate_fitting import fit_gate
from finetune.recall import Recall
from postil.answer import Anchor
from postil.errors import ConfigError
from postil.prompt import TEMPLATE
from postil.records import Pair

Opener = Callable[[], AbstractContextManager[Engine]]
"""Loads an engine on entering and lets it go on leaving."""


def evaluate_adapter(
    pairs: Sequence[Pair],
    recall: Recall,
    *,
    open_base: Opener,
    open_adapter: Opener,
    adapter: str,
    base: str,
    gate: Gate | None = None,
    limits: Limits | None = None,
    min_precision: float = 0.5,
    seed: int = 7,
    progress: Progress = no_progress,
) -> Scorecard:
    """Measure; `gate` is the adapter's own, fitted here where there is none.

    ConfigError where the pairs hold no test window.
    """
    plan = make_plan(pairs, limits or Limits(), seed)
    if not plan.test:
        raise ConfigError("no test windows in the pairs: build the dataset from more history")
    of_base = _read(open_base, plan, progress, BASE)
    of_adapter = _read(open_adapter, plan, progress, ADAPTER)
    trial = Trial(plan, recall, progress, min_precision=min_precision, seed=seed)
    gates = {
        ADAPTER: gate or trial.fit(FEATURES, SPEAK, of_adapter),
        BASE: trial.fit(FEATURES, SPEAK, of_base),
    }
    readings = {ADAPTER: of_adapter, BASE: of_base}
    pulls = {pull_of(pair) for pair in pairs if pair.split == "test"}
    systems, gains = score_systems(trial, gates, readings, len(pulls))
    engines = tuple(score_engine(trial, name, readings[name], gates[name]) for name in readings)
    said = gather_remarks(trial, readings)
    return Scorecard(
        adapter=adapter,
        base=base,
        template=TEMPLATE,
        seed=seed,
        counts=_counts(pairs, plan, len(pulls)),
        systems=systems,
        gains=gains,
        engines=engines,
        loss_gain=trial.loss_gain(of_base, of_adapter),
        four_way_gain=trial.four_way_gain(of_adapter, of_base),
        four_way_count=sum(bool(q.choices) for q in plan.questions),
        line_chance=_line_chance(plan.questions),
        text=score_text(trial, said),
        samples=view_samples(trial, gates[ADAPTER], of_adapter, said),
    )


def calibrate_gate(
    engine: Engine,
    pairs: Sequence[Pair],
    recall: Recall,
    *,
    limits: Limits | None = None,
    min_precision: float = 0.5,
    seed: int = 7,
    progress: Progress = no_progress,
) -> Gate:
    """Fit an adapter's gate on the calibration part, which it was not trained on."""
    plan = make_plan(pairs, limits or Limits(), seed)
    speaks = score_pairs(engine, plan.calibration, progress, stage="scoring calibration windows")
    rows = [label_window(pair, recall, plan.weights[pair.id]) for pair in plan.calibration]
    return fit_gate(with_speak(rows, speaks), min_precision=min_precision, seed=seed)


def score_systems(
    trial: Trial, gates: dict[str, Gate], readings: dict[str, Readings], pulls: int
) -> tuple[tuple[SystemScore, ...], tuple[Gain, ...]]:
    """Every way of deciding on the same windows, and what the adapter gains over each."""
    labels = np.array([row.remarked for row in trial.test])
    clear = np.array([row.kind != "ambiguous" for row in trial.test], dtype=np.float64)
    ways: dict[str, tuple[list[float], float | None, str]] = {}
    for name, gate in gates.items():
        ways[name] = (trial.probabilities(gate, readings[name]), gate.threshold, gate.note)
        alone = trial.fit((SPEAK,), SPEAK, readings[name])
        probabilities = trial.probabilities(alone, readings[name])
        ways[f"{name}, model alone"] = (probabilities, alone.threshold, alone.note)
    for baseline in GATES:
        gate = trial.fit(baseline.features, baseline.alone)
        ways[baseline.name] = (trial.probabilities(gate), gate.threshold, gate.note)
    constant = [0.0] * len(labels)
    ways["always"] = (constant, 0.0, "speaks on every window")
    ways["never"] = (constant, None, "speaks on no window")
    rankings = {name: Ranking(way[0], labels) for name, way in ways.items()}
    scores = tuple(
        _system_score(trial, name, rankings[name], *ways[name], clear, pulls) for name in ways
    )
    ours = rankings[ADAPTER]
    gains = tuple(
        Gain(
            over=name,
            auc=trial.windows.difference(_masked(ours.auc, clear), _masked(theirs.auc, clear)),
            average_precision=trial.windows.difference(
                _masked(ours.average_precision, clear), _masked(theirs.average_precision, clear)
            ),
        )
        for name, theirs in rankings.items()
        if name not in (ADAPTER, "never")
    )
    return scores, gains


def _system_score(
    trial: Trial,
    name: str,
    ranking: Ranking,
    probabilities: Sequence[float],
    threshold: float | None,
    note: str,
    clear: Floats,
    pulls: int,
) -> SystemScore:
    draws = trial.windows
    labels = np.array([row.remarked for row in trial.test], dtype=np.float64)
    spoken = _spoken(probabilities, threshold)
    with_ambiguous = Ranking(probabilities, np.maximum(labels, 1 - clear))
    return SystemScore(
        name=name,
        auc=draws.interval(_masked(ranking.auc, clear)),
        average_precision=draws.interval(_masked(ranking.average_precision, clear)),
        auc_ambiguous_silent=draws.interval(ranking.auc),
        auc_ambiguous_remarked=draws.interval(with_ambiguous.auc),
        threshold=threshold,
        precision=draws.interval(mean_of(labels, clear * spoken)),
        recall=draws.interval(mean_of(spoken, labels)),
        f1=draws.interval(mean_of(labels * spoken, clear * (labels + spoken))),
        comments_per_pull=float((draws.weights * spoken).sum()) / pulls,
        note=note,
    )


def score_engine(trial: Trial, name: str, readings: Readings, gate: Gate) -> EngineScore:
    """What is measured on one engine alone."""
    labels = np.array([row.remarked for row in trial.test], dtype=np.float64)
    clear = np.array([row.kind != "ambiguous" for row in trial.test], dtype=np.float64)
    speaking = np.array([readings.speak[row.pair] > 0 for row in trial.test], dtype=np.float64)
    gated = _spoken(trial.probabilities(gate, readings), gate.threshold)
    draws, loss = trial.windows, trial.loss(readings)
    return EngineScore(
        name=name,
        loss=trial.asked.interval(loss),
        perplexity=trial.asked.interval(lambda weights: exp(min(700.0, loss(weights)))),
        loss_silences=trial.quiet.interval(token_loss(readings, trial.plan.silences)),
        no_comment_accuracy=draws.interval(mean_of(speaking == labels, clear)),
        silent_on_silences=draws.interval(mean_of(1 - speaking, clear * (1 - labels))),
        speaks_on_remarks=draws.interval(mean_of(speaking, labels)),
        gate_accuracy=draws.interval(mean_of(gated == labels, clear)),
        right_line=trial.asked.interval(mean_of(_right_lines(trial.plan.questions, readings))),
        four_way=trial.asked.interval(trial.four_way(readings)),
    )


def _read(opener: Opener, plan: Plan, progress: Progress, name: str) -> Readings:
    """Nothing holds the engine when this returns, so its memory is free for the next."""
    with opener() as engine:
        return take_readings(engine, plan, progress, name=name)


def _masked(statistic: Statistic, rows: Floats) -> Statistic:
    """The same figure on some of the rows only."""
    return lambda weights: statistic(weights * rows)


def _spoken(probabilities: Sequence[float], threshold: float | None) -> Floats:
    """1 where a way of deciding speaks, else 0."""
    if threshold is None:
        return np.zeros(len(probabilities))
    return (np.asarray(probabilities) >= threshold).astype(np.float64)


def _right_lines(questions: Sequence[Question], readings: Readings) -> list[bool]:
    return [_touches(q.human.anchor, readings.questions[q.pair.id].anchor) for q in questions]


def _touches(human: Anchor, ours: Anchor) -> bool:
    """Rows are numbered over both sides of a window, so the rows alone tell."""
    return human.start <= ours.end and ours.start <= human.end


def _line_chance(questions: Sequence[Question]) -> float | None:
    """How often a changed row drawn at random would touch the human's rows."""
    shares = []
    for question in questions:
        lines = question.pair.window.lines if question.pair.window else ()
        rows = [row for row, line in enumerate(lines, 1) if line.kind != " "]
        anchor = question.human.anchor
        shares.append(fmean(anchor.start <= row <= anchor.end for row in rows) if rows else 0.0)
    return fmean(shares) if shares else None


def _counts(pairs: Sequence[Pair], plan: Plan, pulls: int) -> Counts:
    test = [pair for pair in pairs if pair.split == "test" and pair.window and pair.located]
    kinds = Counter(pair.kind for pair in test)
    return Counts(
        pulls=pulls,
        windows=len(test),
        remarks=kinds["remark"],
        silences=kinds["silence"],
        ambiguous=kinds["ambiguous"],
        scored=len(plan.test),
    )
