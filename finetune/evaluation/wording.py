"""What each system says to some test windows, beside what the reviewer said."""

from collections.abc import Mapping, Sequence

from finetune.evaluation.baselines import constant_remark, random_remark, retrieved_remark
from finetune.evaluation.grounding import score_grounding
from finetune.evaluation.plan import Question
from finetune.evaluation.readings import Reading, Readings
from finetune.evaluation.scorecard import GroundingScore, PastRemark, Said, SampleView, TextScore
from finetune.evaluation.text import score_remarks, score_variety
from finetune.evaluation.trial import ADAPTER, BASE, Trial
from finetune.features import with_speak
from finetune.gate import Gate
from finetune.recall import SHOWN, Recall
from postil.records import Pair, Way

HUMAN = "human"
REMEMBERED = 2
"""Past remarks kept with a window."""
SHOWN_BASE = f"{BASE}, shown {SHOWN} remarks"

Remarks = dict[str, list[Said]]
"""By system, one remark a question."""


def gather_remarks(
    trial: Trial,
    readings: Mapping[str, Readings],
    shown: Sequence[Reading],
    ways: Mapping[Way, Sequence[str]],
    way: Way,
) -> Remarks:
    """What each system says to each question that is answered in words, in order.

    `shown`: what the base said with similar remarks in its question; `ways`: what the adapter said
    by each way, empty where it knows but one; `way`: the one it is used by.
    """
    questions = trial.plan.questions[: trial.plan.written]
    entries, seed = trial.recall.entries, trial.seed
    constant = constant_remark(entries, seed) if questions else ""
    said: Remarks = {
        name: [_written(name, of_engine.questions[q.pair.id]) for q in questions]
        for name, of_engine in readings.items()
    }
    for name, messages in ways.items():
        theirs = [
            Said(name=ADAPTER, anchor=one.anchor, message=message)
            for one, message in zip(said[ADAPTER], messages, strict=True)
        ]
        said[ADAPTER if name == way else f"{ADAPTER} by {name}"] = theirs
    if BASE in readings:
        said[SHOWN_BASE] = [_written(SHOWN_BASE, reading) for reading in shown]
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
    """Likeness to the human remarks and variety, on the samples that were written."""
    human = [question.human.message for question in trial.plan.questions[: trial.plan.written]]
    scores = [
        score_remarks(name, [one.message for one in remarks], human, trial.written)
        for name, remarks in said.items()
    ]
    return (*scores, score_variety(HUMAN, human, trial.written))


def score_places(trial: Trial, said: Remarks) -> tuple[GroundingScore, ...]:
    """Whether each system's remarks, and the people's, are about the code they stand on."""
    questions = trial.plan.questions[: trial.plan.written]
    windows = [question.window for question in questions]
    human = [_human(question) for question in questions]
    return tuple(
        score_grounding(name, remarks, windows, trial.written)
        for name, remarks in {**said, HUMAN: human}.items()
    )


def view_samples(
    trial: Trial, gate: Gate, adapter: Readings, said: Remarks
) -> tuple[SampleView, ...]:
    """The written remarks beside the human ones."""
    questions = trial.plan.questions[: trial.plan.written]
    rows = {row.pair: row for row in with_speak(trial.test, adapter.speak)}
    views = []
    for place, question in enumerate(questions):
        row = rows.get(question.pair.id)
        view = SampleView(
            url=question.pair.url,
            path=question.window.path,
            question=question.pair.instruction,
            human=_human(question),
            said=tuple(remarks[place] for remarks in said.values()),
            probability=gate.probability(row.features) if row else None,
            spoken=gate.speaks(row.features) if row else False,
            past=past_remarks(trial.recall, question.pair),
        )
        views.append(view)
    return tuple(views)


def past_remarks(recall: Recall, pair: Pair) -> tuple[PastRemark, ...]:
    """What the adapter remembers of code like a pair's, as known when it was decided."""
    matches = recall.similar(pair.window, pair.decided_at, REMEMBERED) if pair.window else ()
    return tuple(
        PastRemark(
            message=match.entry.message,
            url=match.entry.url,
            when=match.entry.decided_at,
            similarity=round(match.similarity, 4),
        )
        for match in matches
    )


def _human(question: Question) -> Said:
    human = question.human
    return Said(name=HUMAN, anchor=str(human.anchor), message=human.message)


def _written(name: str, reading: Reading) -> Said:
    return Said(name=name, anchor=str(reading.anchor), message=reading.message or "")


def _retrieved(recall: Recall, question: Question) -> Said:
    found = retrieved_remark(recall, question.pair)
    anchor, message = (str(found.anchor), found.message) if found else ("", "")
    return Said(name="retrieval", anchor=anchor, message=message)
