"""The curves of a report mark the threshold, and are not drawn where there is nothing."""

import msgspec
import pytest

from finetune.evaluation.drawn import draw_calibration, draw_loss, draw_precision
from finetune.evaluation.scorecard import Scorecard
from tests.finetune.evaluation.scorecards import STEPS, make_scorecard, make_system


def of(**more: object) -> Scorecard:
    """A scorecard whose adapter is otherwise."""
    system = make_system("adapter", 0.8, **more)  # type: ignore[arg-type]
    return make_scorecard(systems=(system, *make_scorecard().systems[1:]))


def test_the_threshold_is_a_point_with_its_interval_on_the_precision_curve() -> None:
    chart = draw_precision(make_scorecard())
    assert chart is not None
    (dot,) = chart.dots
    assert (dot.x, dot.y, dot.low, dot.high) == (0.3, 0.55, 0.47, 0.63)
    assert dot.label == "threshold 0.42"
    names = [line.name for line in chart.lines]
    assert names == ["base", "cheap features alone", "always speaking", "adapter"]
    mute = draw_precision(of(threshold=None))
    assert mute is not None and mute.dots == () and "it never speaks" in mute.told
    assert draw_precision(of(curve=())) is None


def test_the_calibration_curve_reaches_as_far_as_its_windows_and_its_threshold() -> None:
    chart = draw_calibration(make_scorecard())
    assert chart is not None
    assert [rule.at for rule in chart.rules] == [0.42]
    assert chart.x == msgspec.structs.replace(chart.y, name=chart.x.name)
    assert chart.x.high == pytest.approx(0.6)
    assert len(chart.dots) == 7
    assert draw_calibration(of(calibration=None)) is None


def test_the_loss_curve_marks_the_best_held_out_loss() -> None:
    chart = draw_loss(STEPS)
    assert chart is not None
    (dot,) = chart.dots
    assert (dot.x, dot.label) == (40, "best 4.000")
    assert draw_loss(()) is None
    only_trained = draw_loss([{**row, "held_out": None} for row in STEPS])
    assert only_trained is not None and only_trained.dots == ()
