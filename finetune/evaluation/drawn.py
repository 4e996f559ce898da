"""A scorecard and a run's steps -> the curves of a report. Pure; None where there is no curve."""

from collections.abc import Sequence
from typing import Any

from finetune.evaluation.scorecard import Scorecard, SystemScore
from finetune.evaluation.tables import render_interval
from finetune.evaluation.trial import ADAPTER, BASE
from finetune.pages.charts import Axis, Chart, Dot, Ink, Line, Rule, even_axis, smoothed

RIVALS: tuple[tuple[str, Ink], ...] = ((BASE, "theirs"), ("cheap features alone", "plain"))
"""Drawn beside the adapter."""
RIVALS_OF_MEMORY: tuple[tuple[str, Ink], ...] = (("size alone", "plain"),)
"""Drawn beside one without weights, which is the cheap features alone."""


def draw_precision(card: Scorecard) -> Chart | None:
    """Precision over recall; the threshold is a point on the adapter's curve."""
    ours = card.system(ADAPTER)
    if not ours.curve:
        return None
    rivals = RIVALS if card.engines else RIVALS_OF_MEMORY
    others = [(card.system(name), ink) for name, ink in rivals]
    lines = [_curve(system, ink) for system, ink in others if system.curve]
    always = card.system("always").precision.value
    if always is not None:
        line = ((0.0, always), (1.0, always))
        lines.append(Line(name="always speaking", points=line, ink="plain", dashed=True))
    told = f"Average precision {render_interval(ours.average_precision)}."
    dots = _at_threshold(ours)
    if dots:
        told += f" At its threshold: precision {render_interval(ours.precision)}, recall"
        told += f" {render_interval(ours.recall)}."
    else:
        told += " It has no threshold: it never speaks."
    return Chart(
        title="Precision over recall",
        told=told,
        x=Axis(name="recall: remarked windows it speaks on"),
        y=Axis(name="precision"),
        lines=(*lines, _curve(ours, "ours")),
        dots=dots,
    )


def _curve(system: SystemScore, ink: Ink) -> Line:
    points = tuple((point.recall, point.precision) for point in system.curve)
    return Line(name=system.name, points=points, ink=ink)


def _at_threshold(system: SystemScore) -> tuple[Dot, ...]:
    precision, recall = system.precision, system.recall
    if system.threshold is None or precision.value is None or recall.value is None:
        return ()
    label = f"threshold {system.threshold:.2f}"
    return (
        Dot(
            x=recall.value,
            y=precision.value,
            low=precision.low,
            high=precision.high,
            name=f"{label}: precision {precision.value:.2f}, recall {recall.value:.2f}",
            label=label,
            ink="bad",
            size=5,
        ),
    )


def draw_calibration(card: Scorecard) -> Chart | None:
    """What the gate said against what came; on the diagonal it can be taken at its word."""
    ours = card.system(ADAPTER)
    if ours.calibration is None or not ours.calibration.bins:
        return None
    bins, threshold = ours.calibration.bins, ours.threshold
    reach = [0.0, *(max(one.predicted, one.observed) for one in bins), threshold or 0.0]
    axis = even_axis("probability it gave", reach)
    end = axis.high
    return Chart(
        title="Calibration",
        told=(
            f"Expected calibration error {render_interval(ours.calibration.error)};"
            f" Brier skill {render_interval(ours.calibration.skill)}, 0 is no better than always"
            " giving the share of remarks."
        ),
        x=axis,
        y=Axis(name="share remarked on", high=end, ticks=axis.ticks, digits=axis.digits),
        lines=(
            Line(name="perfect", points=((0.0, 0.0), (end, end)), ink="plain", dashed=True),
            Line(
                name="the adapter's gate",
                points=tuple((one.predicted, one.observed) for one in bins),
            ),
        ),
        dots=tuple(
            Dot(
                x=one.predicted,
                y=one.observed,
                name=f"{one.predicted:.2f} said, {one.observed:.2f} came: {one.weight:.0f} windows",
            )
            for one in bins
        ),
        rules=(Rule(at=threshold, name=f"threshold {threshold:.2f}"),) if threshold else (),
    )


def draw_loss(steps: Sequence[dict[str, Any]]) -> Chart | None:
    """Loss while training, and on what was held out, where the best is marked."""
    if not steps:
        return None
    trained = list(
        zip((row["step"] for row in steps), smoothed([row["loss"] for row in steps]), strict=True)
    )
    held_out = [(row["step"], row["held_out"]) for row in steps if row["held_out"] is not None]
    best = min(held_out, key=lambda point: point[1], default=None)
    told = f"{len(steps)} steps."
    dots: tuple[Dot, ...] = ()
    if best:
        told += f" Best held-out loss {best[1]:.3f} at step {best[0]}; those weights were kept."
        label = f"best {best[1]:.3f}"
        dots = (Dot(x=best[0], y=best[1], name=label, label=label, ink="bad", size=5),)
    return Chart(
        title="Loss a sample",
        told=told,
        x=even_axis("step", [0, *(step for step, _ in trained)]),
        y=even_axis("nats", [loss for _, loss in (*trained, *held_out)]),
        lines=(
            Line(name="training, smoothed", points=tuple(trained), ink="plain"),
            Line(name="held out", points=tuple(held_out), ink="ours"),
        ),
        dots=dots,
    )
