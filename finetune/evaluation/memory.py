"""An adapter without weights against what costs nothing, on what came later. Opens no engine.

The same windows, resamples and figures as for an adapter with weights, but for those of engines:
there is no base to be better than, no loss, and nothing to forget.
"""

from collections.abc import Sequence

from finetune.evaluation.ablation import ablate
from finetune.evaluation.baselines import WITHOUT_MODEL
from finetune.evaluation.choices import score_choices
from finetune.evaluation.engine_scores import line_chance
from finetune.evaluation.evaluate import Live, beside, count_windows, plan_test
from finetune.evaluation.mistakes import worst_mistakes
from finetune.evaluation.plan import Limits
from finetune.evaluation.readings import Progress, no_progress
from finetune.evaluation.recurring import score_topics
from finetune.evaluation.remembered import remember
from finetune.evaluation.scorecard import Scorecard
from finetune.evaluation.slices import most_frequent_author, score_slices
from finetune.evaluation.systems import decider_of_voice, score_systems
from finetune.evaluation.trial import ADAPTER, Trial
from finetune.evaluation.wording import gather_remarks, score_places, score_text, view_samples
from finetune.gate import Gate
from finetune.recall import Recall
from finetune.speaking import Voice
from finetune.topics import Topic
from finetune.triggers import find_triggers
from postil.prompt import TEMPLATE
from postil.records import Pair


def evaluate_memory(
    pairs: Sequence[Pair],
    recall: Recall,
    *,
    adapter: str,
    gate: Gate | None = None,
    topics: Sequence[Topic] = (),
    limits: Limits | None = None,
    live: Live | None = None,
    min_precision: float = 0.5,
    seed: int = 7,
    progress: Progress = no_progress,
) -> Scorecard:
    """Measure; as `evaluate_adapter` where the two are alike."""
    plan = plan_test(pairs, limits or Limits(), seed)
    trial = Trial(plan, recall, progress, min_precision=min_precision, seed=seed)
    gate = gate or trial.fit(WITHOUT_MODEL.features, WITHOUT_MODEL.alone)
    readings = remember(plan, recall)
    voice = Voice(way="recall", gate=gate, recall=recall, topics=tuple(topics))
    ours, chosen = decider_of_voice(trial, voice), trial.choices(readings)
    counts = count_windows(pairs, plan)
    systems, gains = score_systems(trial, ours, {}, {}, counts.pulls)
    said = gather_remarks(trial, {ADAPTER: readings}, (), {}, "recall")
    return Scorecard(
        adapter=adapter,
        base="",
        template=TEMPLATE,
        seed=seed,
        way="recall",
        counts=counts,
        systems=systems,
        gains=gains,
        ablation=ablate(trial, None),
        engines=(),
        four_way_count=sum(bool(question.choices) for question in plan.questions),
        choices=score_choices(trial, chosen, {}),
        live=beside(trial, live, ours, chosen, progress) if live else None,
        line_chance=line_chance(plan.questions),
        text=score_text(trial, said),
        grounding=score_places(trial, said),
        slices=score_slices(trial, ours, readings, most_frequent_author(pairs)),
        triggers=find_triggers(pairs),
        topics=score_topics(trial, topics),
        samples=view_samples(trial, gate, readings, said),
        mistakes=worst_mistakes(trial, gate, readings),
    )
