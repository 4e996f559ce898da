"""Places on a drawing, and the drawing as SVG."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.pages import render_page
from finetune.pages.charts import MOST_POINTS, Axis, Chart, Dot, Line, Rule, even_axis, thin

UNIT = Axis(name="share")
CHART = Chart(
    title="A <curve>",
    told="It rises.",
    x=UNIT,
    y=UNIT,
    lines=(Line(name="ours", points=((0.0, 0.0), (1.0, 1.0))),),
    dots=(Dot(x=0.5, y=0.9, low=0.8, high=1.0, name="one", label="here"),),
    rules=(Rule(at=0.25, name="threshold"),),
)


def test_a_chart_is_drawn_inside_its_frame_with_names_for_who_cannot_see_it(
    tmp_path: Path,
) -> None:
    template = tmp_path / "page.html"
    template.write_text('{% import "parts.html" as parts %}{{ parts.chart(chart) }}')
    page = render_page(template, chart=CHART)
    assert 'aria-label="A &lt;curve&gt;. It rises."' in page
    assert 'points="40.0,214.0 346.0,24.0"' in page
    assert page.count("<title>") == 4
    assert ">threshold</text>" in page and ">here</text>" in page


def test_what_lies_beyond_an_axis_stays_at_its_end() -> None:
    assert CHART.place_x(7.0) == CHART.place_x(1.0) == CHART.left + CHART.across
    assert CHART.place_y(-7.0) == CHART.place_y(0.0) == CHART.top + CHART.down


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_an_even_axis_holds_all_values_between_few_round_numbers(values: list[float]) -> None:
    axis = even_axis("x", values)
    slack = 1e-6 * (axis.high - axis.low)
    assert axis.low - slack <= min(values) and max(values) <= axis.high + slack
    assert 2 <= len(axis.ticks) <= 8
    assert len({axis.show(at) for at in axis.ticks}) == len(axis.ticks)


def test_an_axis_without_values_is_still_one() -> None:
    assert (even_axis("x", []).low, even_axis("x", []).high) == (0.0, 1.0)
    assert even_axis("x", [3.0]).low <= 3.0 < even_axis("x", [3.0]).high


@pytest.mark.parametrize("count", [0, 1, MOST_POINTS, MOST_POINTS + 1, 10 * MOST_POINTS])
def test_thinned_curves_keep_both_ends(count: int) -> None:
    points = [(float(n), float(n)) for n in range(count)]
    thinned = thin(points)
    assert len(thinned) == min(count, MOST_POINTS)
    assert list(thinned[:1]) == points[:1] and list(thinned[-1:]) == points[-1:]
