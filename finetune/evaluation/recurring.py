"""Recurring topics on what came later: how often each fired, and whether somebody had remarked."""

from collections.abc import Sequence

from finetune.evaluation.metrics import mean_of
from finetune.evaluation.scorecard import TopicScore
from finetune.evaluation.trial import Trial
from finetune.topics import Topic, fire


def score_topics(trial: Trial, topics: Sequence[Topic]) -> tuple[TopicScore, ...]:
    """Every topic, also those that have no threshold and so cannot fire. Where several are due on
    a window, the surest one counts."""
    fired: dict[tuple[int, ...], list[float]] = {}
    if any(topic.threshold is not None for topic in topics):
        for place, pair in enumerate(trial.plan.test):
            found = pair.window and fire(topics, trial.recall, pair.window, pair.decided_at)
            if found and trial.clear[place]:
                rows = fired.setdefault(found.topic.entries, [0.0] * len(trial.plan.test))
                rows[place] = 1.0
    return tuple(_score(trial, topic, fired.get(topic.entries)) for topic in topics)


def _score(trial: Trial, topic: Topic, fired: Sequence[float] | None) -> TopicScore:
    rows = fired or [0.0] * len(trial.plan.test)
    return TopicScore(
        message=topic.message,
        remarks=len(topic.entries),
        pulls=topic.pulls,
        threshold=topic.threshold,
        expected=topic.precision,
        fired=round(float((trial.windows.weights * rows).sum())),
        precision=trial.windows.interval(mean_of(trial.labels, rows)),
    )
