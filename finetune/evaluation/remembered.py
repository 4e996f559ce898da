"""What an adapter without weights answers to a plan, in the shape of an engine's readings. Pure."""

from finetune.evaluation.choices import choose_by_retrieval
from finetune.evaluation.plan import Plan, Question
from finetune.evaluation.readings import Reading, Readings
from finetune.evaluation.trial import Choice
from finetune.fitting import best_place, fitting
from finetune.recall import SHOWN, Recall
from postil.answer import Remark, anchors


def remember(plan: Plan, recall: Recall) -> Readings:
    """Its place, words and choice for every question; no losses, and no opinion on speaking.

    The words come even where the past code is too unlike to be quoted in use: an adapter with
    weights is asked whatever its gate says, too.
    """
    choices = choose_by_retrieval(recall, plan.questions)
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
    said = _said(recall, question)
    message = said.message if said else ""
    return Reading(
        anchor=said.anchor if said else anchors(question.window)[0],
        message=message if place < plan.written else None,
        choice=choice,
    )


def _said(recall: Recall, question: Question) -> Remark | None:
    """As in a review: at the row most like one that drew a remark, what fits there best."""
    window, before = question.window, question.pair.decided_at
    place = best_place(recall, window, before)
    if place is None:
        return None
    anchor = place.anchor(window)
    best = fitting(recall, window, anchor, before, SHOWN)[0]
    return Remark(anchor=anchor, message=best.entry.message)
