"""What is measured on one engine alone: likelihood, silence, line and choice."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from finetune.evaluation.metrics import Statistic, mean_of
from finetune.evaluation.plan import Question
from finetune.evaluation.readings import Readings
from finetune.evaluation.scorecard import EngineScore
from finetune.evaluation.systems import decider_of
from finetune.evaluation.trial import Trial, token_loss
from finetune.gate import Gate
from postil.answer import Anchor

MOST_NATS = 700.0
"""Above this e to it is no float any more."""


def score_engine(trial: Trial, name: str, readings: Readings, gate: Gate) -> EngineScore:
    """The figures of one engine, and of its gate at its threshold."""
    labels, clear, draws = trial.labels, trial.clear, trial.windows
    speaking = np.array([readings.speak[row.pair] > 0 for row in trial.test], dtype=np.float64)
    gated = decider_of(trial, name, gate, readings).spoken()
    loss = trial.loss(readings)
    return EngineScore(
        name=name,
        loss=trial.asked.interval(loss),
        perplexity=trial.asked.interval(perplexity(loss)),
        byte_perplexity=trial.asked.interval(perplexity(byte_loss(trial, readings))),
        loss_silences=trial.quiet.interval(token_loss(readings, trial.plan.silences)),
        no_comment_accuracy=draws.interval(mean_of(speaking == labels, clear)),
        silent_on_silences=draws.interval(mean_of(1 - speaking, clear * (1 - labels))),
        speaks_on_remarks=draws.interval(mean_of(speaking, labels)),
        gate_accuracy=draws.interval(mean_of(gated == labels, clear)),
        right_line=trial.asked.interval(_right_lines(trial.plan.questions, readings)),
        four_way=trial.asked.interval(trial.four_way(trial.choices(readings))),
    )


def perplexity(loss: Statistic) -> Statistic:
    """e to a loss; nan where that is."""
    return lambda weights: np.exp(np.minimum(MOST_NATS, loss(weights)))


def byte_loss(trial: Trial, readings: Readings) -> Statistic:
    """Mean nats a byte of the test remarks, anchor and all, that had room to be read."""
    pairs = [question.pair for question in trial.plan.questions]
    found = [readings.loss[pair.id] for pair in pairs]
    sizes = [len(pair.response.encode()) for pair in pairs]
    read = [size if tokens else 0 for size, (_, tokens) in zip(sizes, found, strict=True)]
    return mean_of([nats / size for size, (nats, _) in zip(sizes, found, strict=True)], read)


def line_chance(questions: Sequence[Question]) -> float | None:
    """How often a changed row drawn at random would touch the human's rows."""
    shares = []
    for question in filter(_located, questions):
        rows = [row for row, line in enumerate(question.window.lines, 1) if line.kind != " "]
        anchor = question.human.anchor
        shares.append(fmean(anchor.start <= row <= anchor.end for row in rows) if rows else 0.0)
    return fmean(shares) if shares else None


def _right_lines(questions: Sequence[Question], readings: Readings) -> Statistic:
    """Where the window is a stored hunk, its end tells the line: those do not count."""
    right = [_touches(q.human.anchor, readings.questions[q.pair.id].anchor) for q in questions]
    return mean_of(right, [_located(question) for question in questions])


def _located(question: Question) -> bool:
    return question.pair.located


def _touches(human: Anchor, ours: Anchor) -> bool:
    """Rows are numbered over both sides of a window, so the rows alone tell."""
    return human.start <= ours.end and ours.start <= human.end
