"""The windows of one evaluation, with their cheap features and the draws of pull requests.

Features are computed once; every system and engine is then measured on the same rows and the same
resamples, so that differences are paired.
"""

from collections.abc import Sequence
from copy import copy

import numpy as np

from finetune.evaluation.metrics import Bootstrap, Interval, Statistic, mean_of
from finetune.evaluation.plan import CHOICES, Plan
from finetune.evaluation.readings import Progress, Readings, no_progress
from finetune.features import Labelled, label_window, pull_of, with_speak
from finetune.gate import Gate
from finetune.gate_fitting import fit_gate
from finetune.recall import Recall
from postil.records import Pair

ADAPTER, BASE = "adapter", "base"

Choice = tuple[float, ...]
"""A score for each option of a question, the true one's first; empty: none was given."""


class Trial:
    """The windows of one evaluation with their cheap features, and the draws of pull requests.

    `labels` (N,) is 1 for test windows with a remark, `clear` (N,) 0 for those that are unclear.
    """

    def __init__(
        self,
        plan: Plan,
        recall: Recall,
        progress: Progress = no_progress,
        *,
        min_precision: float,
        seed: int,
    ) -> None:
        self.plan, self.recall = plan, recall
        self.min_precision, self.seed = min_precision, seed
        self.calibration = self._label(plan.calibration, progress, "calibration windows")
        self.test = self._label(plan.test, progress, "test windows")
        self.labels = np.array([row.remarked for row in self.test], dtype=np.float64)
        self.clear = np.array([row.kind != "ambiguous" for row in self.test], dtype=np.float64)
        self.windows = Bootstrap(
            [row.group for row in self.test], [row.weight for row in self.test], seed=seed
        )
        self.asked = Bootstrap([pull_of(q.pair) for q in plan.questions], seed=seed)
        self.quiet = Bootstrap([pull_of(pair) for pair in plan.silences], seed=seed)
        written = plan.questions[: plan.written]
        self.written = Bootstrap([pull_of(q.pair) for q in written], seed=seed)

    def _label(self, pairs: Sequence[Pair], progress: Progress, what: str) -> list[Labelled]:
        rows = []
        for done, pair in enumerate(pairs, 1):
            rows.append(label_window(pair, self.recall, self.plan.weights[pair.id]))
            progress(f"recalling for {what}", done, len(pairs))
        return rows

    def with_memory(self, recall: Recall, progress: Progress = no_progress) -> "Trial":
        """The same windows and draws, told of by what another adapter remembers."""
        other = copy(self)
        other.recall = recall
        other.calibration = other._label(self.plan.calibration, progress, "calibration windows")
        other.test = other._label(self.plan.test, progress, "test windows")
        return other

    def fit(
        self, names: Sequence[str], alone: tuple[str, ...], readings: Readings | None = None
    ) -> Gate:
        """A gate on some features, fitted on the calibration part; `alone` as of `fit_gate`."""
        rows = with_speak(self.calibration, readings.speak) if readings else self.calibration
        return fit_gate(
            rows, min_precision=self.min_precision, names=names, alone=alone, seed=self.seed
        )

    def probabilities(self, gate: Gate, readings: Readings | None = None) -> list[float]:
        """Of each test window, in order."""
        rows = with_speak(self.test, readings.speak) if readings else self.test
        return [gate.probability(row.features) for row in rows]

    def loss_gain(self, base: Readings, adapter: Readings) -> Interval:
        """Nats a token that the adapter saves on held-out remarks."""
        return self.asked.difference(self.loss(base), self.loss(adapter))

    def loss(self, readings: Readings) -> Statistic:
        """Mean nats a token on the test remarks."""
        return token_loss(readings, [question.pair for question in self.plan.questions])

    def choices(self, readings: Readings) -> list[Choice]:
        """What an engine made of each question's options, in order."""
        return [readings.questions[q.pair.id].choice for q in self.plan.questions]

    def four_way(self, choices: Sequence[Choice]) -> Statistic:
        """Share of remarks whose window speaks most for them; equal ones share the point."""
        points = [
            (choice[0] == max(choice)) / choice.count(max(choice)) if choice else 0.0
            for choice in choices
        ]
        return mean_of(points, [len(choice) == CHOICES for choice in choices])


def token_loss(readings: Readings, pairs: Sequence[Pair]) -> Statistic:
    """Mean nats a token over the answers of the pairs, in their order."""
    found = [readings.loss[pair.id] for pair in pairs]
    each = [total / tokens if tokens else 0.0 for total, tokens in found]
    return mean_of(each, [tokens for _, tokens in found])
