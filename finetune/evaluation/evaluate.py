"""An adapter against its base and against what costs nothing, on what came later.

In go the pairs of a dataset, the index of the training part, and a way to open each engine; out
comes a `Scorecard`. Gates are fitted on the calibration part, everything else is measured on the
test part. Base and adapter are open one after another, never together.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import msgspec
from msgspec.structs import replace

from finetune.canaries import Canary
from finetune.engines import Engine
from finetune.evaluation.ablation import ablate
from finetune.evaluation.checks import check_parts
from finetune.evaluation.choices import score_choices
from finetune.evaluation.engine_scores import line_chance, score_engine
from finetune.evaluation.forgetting import measure_forgetting
from finetune.evaluation.memorisation import score_canaries
from finetune.evaluation.mistakes import worst_mistakes
from finetune.evaluation.plan import Limits, PlainText, Plan, make_plan
from finetune.evaluation.readings import (
    Progress,
    Reading,
    Readings,
    no_progress,
    read_shown,
    read_ways,
    score_pairs,
    take_readings,
)
from finetune.evaluation.recurring import score_topics
from finetune.evaluation.scorecard import Counts, LiveGain, Scorecard
from finetune.evaluation.slices import most_frequent_author, score_slices
from finetune.evaluation.systems import (
    Decider,
    decider_of,
    decider_of_voice,
    gain_over,
    score_systems,
    without_unsure,
)
from finetune.evaluation.trial import ADAPTER, BASE, Choice, Trial
from finetune.evaluation.wording import gather_remarks, score_places, score_text, view_samples
from finetune.feature_names import FEATURES
from finetune.features import Labelled, label_window, pull_of, with_speak
from finetune.gate import Gate
from finetune.gate_fitting import ALONE
from finetune.kind_thresholds import ask_words
from finetune.recall import Recall
from finetune.speaking import Voice
from finetune.topics import Topic
from finetune.triggers import find_triggers
from postil.errors import ConfigError
from postil.prompt import TEMPLATE
from postil.records import Pair, Way

Opener = Callable[[], AbstractContextManager[Engine]]
"""Loads an engine on entering and lets it go on leaving."""


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The adapter that is promoted, to be measured on the same windows."""

    name: str
    read: Callable[[Plan, Progress], Readings]
    """What it answers to a plan; its engine, if it has one, is let go."""
    recall: Recall
    """What it remembers: its gate is told of that, as in use, and not of what the other learned."""
    gate: Gate | None


def evaluate_adapter(
    pairs: Sequence[Pair],
    recall: Recall,
    *,
    open_base: Opener,
    open_adapter: Opener,
    adapter: str,
    base: str,
    gate: Gate | None = None,
    way: Way = "write",
    topics: Sequence[Topic] = (),
    limits: Limits | None = None,
    live: Live | None = None,
    plain: Sequence[PlainText] = (),
    canaries: Sequence[Canary] = (),
    min_precision: float = 0.5,
    seed: int = 7,
    progress: Progress = no_progress,
) -> Scorecard:
    """Measure; `gate` is the adapter's own, fitted here where there is none; `way`: how it speaks.

    `live` is the promoted adapter, on whatever base. `plain` is read to see what was forgotten,
    `canaries` are those the adapter was trained with. ConfigError where the pairs hold no test
    window, or where the parts overlap.
    """
    plan = plan_test(pairs, limits or Limits(), seed)
    plan = replace(plan, plain=tuple(plain), canaries=tuple(canaries))
    of_base, shown = _read_base(open_base, plan, recall, progress)
    of_adapter, by_way = _read_adapter(open_adapter, plan, recall, progress)
    trial = Trial(plan, recall, progress, min_precision=min_precision, seed=seed)
    gates = {
        ADAPTER: gate or trial.fit(FEATURES, ALONE, of_adapter),
        BASE: trial.fit(FEATURES, ALONE, of_base),
    }
    readings = {ADAPTER: of_adapter, BASE: of_base}
    choices = {name: trial.choices(each) for name, each in readings.items()}
    counts = count_windows(pairs, plan)
    voice = Voice(way=way, gate=gates[ADAPTER], recall=recall, topics=tuple(topics))
    ours = _heard(trial, voice, of_adapter, open_adapter)
    systems, gains = score_systems(trial, ours, gates, readings, counts.pulls)
    said = gather_remarks(trial, readings, shown, by_way, way)
    return Scorecard(
        adapter=adapter,
        base=base,
        template=TEMPLATE,
        seed=seed,
        way=way,
        counts=counts,
        systems=systems,
        gains=gains,
        ablation=ablate(trial, of_adapter),
        engines=tuple(score_engine(trial, name, readings[name], gates[name]) for name in readings),
        loss_gain=trial.loss_gain(of_base, of_adapter),
        four_way_count=sum(bool(question.choices) for question in plan.questions),
        choices=score_choices(trial, choices[ADAPTER], {BASE: choices[BASE]}),
        live=beside(trial, live, ours, choices[ADAPTER], progress) if live else None,
        line_chance=line_chance(plan.questions),
        text=score_text(trial, said),
        grounding=score_places(trial, said),
        forgetting=measure_forgetting(plan.plain, of_base, of_adapter, seed),
        canaries=score_canaries(plan.canaries, of_adapter, seed),
        slices=score_slices(trial, ours, of_adapter, most_frequent_author(pairs)),
        triggers=find_triggers(pairs),
        topics=score_topics(trial, topics),
        samples=view_samples(trial, gates[ADAPTER], of_adapter, said),
        mistakes=worst_mistakes(trial, gates[ADAPTER], of_adapter),
    )


def calibration_rows(
    engine: Engine,
    pairs: Sequence[Pair],
    recall: Recall,
    *,
    limits: Limits | None = None,
    seed: int = 7,
    progress: Progress = no_progress,
) -> list[Labelled]:
    """What an adapter's gate is fitted on: the calibration part, which it was not trained on."""
    plan = make_plan(pairs, limits or Limits(), seed)
    speaks = score_pairs(engine, plan.calibration, progress, stage="scoring calibration windows")
    rows = [label_window(pair, recall, plan.weights[pair.id]) for pair in plan.calibration]
    return with_speak(rows, speaks)


def _read_base(
    opener: Opener, plan: Plan, recall: Recall, progress: Progress
) -> tuple[Readings, tuple[Reading, ...]]:
    """Also what it writes when shown similar remarks. No engine is held when this returns, so
    its memory is free for the next."""
    with opener() as engine:
        readings = take_readings(engine, replace(plan, canaries=()), progress, name=BASE)
        return readings, read_shown(engine, plan, recall, progress)


def _read_adapter(
    opener: Opener, plan: Plan, recall: Recall, progress: Progress
) -> tuple[Readings, dict[Way, tuple[str, ...]]]:
    """Also what it says by each way."""
    with opener() as engine:
        readings = take_readings(engine, plan, progress, name=ADAPTER)
        return readings, read_ways(engine, plan, readings, recall, progress)


def _heard(trial: Trial, voice: Voice, readings: Readings, opener: Opener) -> Decider:
    """Where the adapter would speak. Where kinds of remarks have thresholds of their own, it is
    asked what it would say, as a review asks before it drops a remark."""
    ours = decider_of_voice(trial, voice, readings)
    by_kind = voice.gate.by_kind if voice.gate else {}
    if not by_kind:
        return ours
    spoken = [pair for pair, said in zip(trial.plan.test, ours.spoken(), strict=True) if said]
    with opener() as engine:
        said = ask_words(engine, trial.recall, voice.way, spoken, trial.plan.max_tokens)
    return without_unsure(trial, ours, by_kind, said)


def plan_test(pairs: Sequence[Pair], limits: Limits, seed: int) -> Plan:
    """What is read; ConfigError where that would tell nothing, or nothing honest."""
    check_parts(pairs)
    plan = make_plan(pairs, limits, seed)
    if not plan.test:
        raise ConfigError("no test windows in the pairs: build the dataset from more history")
    return plan


def beside(
    trial: Trial, live: Live, ours: Decider, chosen: Sequence[Choice], progress: Progress
) -> LiveGain:
    """What the adapter gains over the live one; of that only what is compared is asked."""
    asked = replace(trial.plan, written=0, plain=(), canaries=())
    readings = live.read(asked, progress)
    told = trial.with_memory(live.recall, progress)
    gate = live.gate or told.fit(FEATURES, ALONE, readings)
    theirs = decider_of(told, live.name, gate, readings)
    four_way = trial.four_way(trial.choices(readings))
    return LiveGain(
        adapter=live.name,
        auc=gain_over(trial, ours, theirs).auc,
        four_way=trial.asked.difference(trial.four_way(chosen), four_way),
    )


def count_windows(pairs: Sequence[Pair], plan: Plan) -> Counts:
    """How much there is in the test part, and how much of it is read."""
    test = [pair for pair in pairs if pair.split == "test" and pair.window and pair.located]
    kinds = Counter(pair.kind for pair in test)
    return Counts(
        pulls=len({pull_of(pair) for pair in pairs if pair.split == "test"}),
        windows=len(test),
        remarks=kinds["remark"],
        silences=kinds["silence"],
        ambiguous=kinds["ambiguous"],
        scored=len(plan.test),
    )
