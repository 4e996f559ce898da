"""What an adapter without weights answers to a plan, in the shape of an engine's readings. Pure."""

from finetune.evaluation.choices import choose_by_rows
from finetune.evaluation.plan import Plan
from finetune.evaluation.readings import Reading, Readings
from finetune.evaluation.trial import Choice
from finetune.fitting import best_remark
from finetune.recall import Recall
from postil.answer import anchors


def remember(plan: Plan, recall: Recall) -> Readings:
    """Its place, words and choice for every question; no losses, and no opinion on speaking.

    The words come even where the past code is too unlike to be quoted in use: an adapter with
    weights is asked whatever its gate says, too.
    """
    choices = choose_by_rows(recall, plan.questions)
    return Readings(
        speak={pair.id: 0.0 for pair in (*plan.calibration, *plan.test)},
        loss={},
        questions={
            question.pair.id: _reading(recall, plan, place, choice)
            for place, (question, choice) in enumerate(zip(plan.questions, choices, strict=True))
        },
    )


def _reading(recall: Recall, plan: Plan, place: int, choice: Choice) -> Reading:
    question = plan.questions[place]
    said = best_remark(recall, question.window, question.pair.decided_at)
    message = said.message if said else ""
    return Reading(
        anchor=said.anchor if said else anchors(question.window)[0],
        message=message if place < plan.written else None,
        choice=choice,
    )
