"""What each system says to some test windows, beside what the reviewer said."""

from finetune.evaluation.baselines import constant_remark, random_remark, retrieved_remark
from finetune.evaluation.metrics import chrf, mean_of
from finetune.evaluation.readings import Question, Readings
from finetune.evaluation.scorecard import Said, SampleView, TextScore
from finetune.evaluation.trial import Trial
from finetune.features import with_speak
from finetune.gate import Gate
from finetune.recall import Recall

Remarks = dict[str, list[Said]]
"""By system, one remark a question."""


def gather_remarks(trial: Trial, readings: dict[str, Readings]) -> Remarks:
    """What each system says to each question that is answered in words, in order."""
    questions = trial.plan.questions[: trial.plan.written]
    entries, seed = trial.recall.entries, trial.seed
    constant = constant_remark(entries, seed) if questions else ""
    said: Remarks = {
        name: [_written(name, of_engine, question) for question in questions]
        for name, of_engine in readings.items()
    }
    said["retrieval"] = [_retrieved(trial.recall, question) for question in questions]
    said["constant remark"] = [
        Said(name="constant remark", anchor="", message=constant) for _ in questions
    ]
    said["random remark"] = [
        Said(name="random remark", anchor="", message=random_remark(entries, q.pair, seed))
        for q in questions
    ]
    return said


def score_text(trial: Trial, said: Remarks) -> tuple[TextScore, ...]:
    """Likeness to the human remarks, on the samples that were written."""
    questions = trial.plan.questions[: trial.plan.written]
    scores = []
    for name, remarks in said.items():
        likeness = [
            chrf(text.message, q.human.message) for text, q in zip(remarks, questions, strict=True)
        ]
        scores.append(TextScore(name=name, chrf=trial.written.interval(mean_of(likeness))))
    return tuple(scores)


def view_samples(
    trial: Trial, gate: Gate, adapter: Readings, said: Remarks
) -> tuple[SampleView, ...]:
    """The written remarks beside the human ones."""
    questions = trial.plan.questions[: trial.plan.written]
    rows = {row.pair: row for row in with_speak(trial.test, adapter.speak)}
    views = []
    for place, question in enumerate(questions):
        features = rows[question.pair.id].features
        human = question.human
        view = SampleView(
            url=question.pair.url,
            path=question.pair.window.path if question.pair.window else "",
            question=question.pair.instruction,
            human=Said(name="human", anchor=str(human.anchor), message=human.message),
            said=tuple(remarks[place] for remarks in said.values()),
            probability=gate.probability(features),
            spoken=gate.speaks(features),
        )
        views.append(view)
    return tuple(views)


def _written(name: str, readings: Readings, question: Question) -> Said:
    reading = readings.questions[question.pair.id]
    return Said(name=name, anchor=str(reading.anchor), message=reading.message or "")


def _retrieved(recall: Recall, question: Question) -> Said:
    found = retrieved_remark(recall, question.pair)
    anchor, message = (str(found.anchor), found.message) if found else ("", "")
    return Said(name="retrieval", anchor=anchor, message=message)
