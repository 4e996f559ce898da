"""What a replay asks an adapter with weights about a step: only what its two curves show.

`postil evaluate` asks the bare base as well, and both for losses, lines, words, plain texts and
canaries: ten times as much. Where to speak is decided here as there, by the adapter's own gate.
"""

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from benchmarks.replay_steps import Figures
from finetune.cards import load_card
from finetune.evaluation.baselines import GATES
from finetune.evaluation.choices import choose_by_retrieval
from finetune.evaluation.evaluate import plan_test
from finetune.evaluation.metrics import UNKNOWN, Interval, Ranking
from finetune.evaluation.plan import Limits, Plan
from finetune.evaluation.proof import gate_of, opened
from finetune.evaluation.readings import Progress, score_pairs
from finetune.evaluation.trial import Choice, Trial
from finetune.features import with_speak
from finetune.gate import Gate
from finetune.recall import INDEX_FILE, Recall
from finetune.weighing import weigh
from postil.records import Pair
from postil.settings import Settings


def ask(
    folder: Path,
    pairs: tuple[Pair, ...],
    settings: Settings,
    home: Path,
    limits: Limits,
    progress: Progress,
) -> tuple[Figures, Figures, Figures]:
    """What the adapter finds on the test part, what retrieval over its index does, and size."""
    card, seed = load_card(folder), settings.train.seed
    gate = gate_of(folder, card)
    assert gate is not None
    plan = _clear(plan_test(pairs, limits, seed))
    trial = Trial(
        plan,
        Recall.read(folder / INDEX_FILE),
        progress,
        min_precision=settings.review.min_precision,
        seed=seed,
    )
    with opened(folder, card, home, settings.engine) as engine:
        speaks = score_pairs(engine, plan.test, progress, stage="adapter: scoring windows")
        chosen: list[Choice] = []
        for done, question in enumerate(plan.questions, 1):
            asked = question.pair.instruction, question.human.anchor, question.choices
            chosen.append(weigh(engine, *asked) if question.choices else ())
            progress("adapter: choosing remarks", done, len(plan.questions))
    rows = with_speak(trial.test, speaks)
    alike = choose_by_retrieval(trial.recall, plan.questions)
    size, likeness = (trial.fit(one.features, one.alone) for one in (GATES[0], GATES[-1]))
    return (
        Figures(
            auc=_auc(trial, [gate.probability(row.features) for row in rows]),
            four_way=trial.asked.interval(trial.four_way(chosen)),
        ),
        Figures(auc=_auc_of(trial, likeness), four_way=trial.asked.interval(trial.four_way(alike))),
        Figures(auc=_auc_of(trial, size), four_way=UNKNOWN),
    )


def _clear(plan: Plan) -> Plan:
    """Without windows of which nobody knows, and without what is not asked here."""
    clear = tuple(pair for pair in plan.test if pair.kind != "ambiguous")
    return replace(plan, test=clear, silences=(), written=0)


def _auc_of(trial: Trial, gate: Gate) -> Interval:
    return _auc(trial, trial.probabilities(gate))


def _auc(trial: Trial, chances: list[float]) -> Interval:
    return trial.windows.interval(Ranking(np.asarray(chances), trial.labels).auc)
