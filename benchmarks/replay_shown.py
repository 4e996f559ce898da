"""A replay as Markdown and as a drawing."""

from collections.abc import Callable, Sequence
from html import escape

from benchmarks.replay_steps import Figures, Row
from finetune.evaluation.metrics import Interval
from finetune.evaluation.tables import render_interval
from finetune.pages.charts import Axis, Chart, Line

WAYS: dict[str, Callable[[Row], Figures]] = {
    "retrained": lambda row: row.retrained,
    "trained once": lambda row: row.once,
    "retrieval only": lambda row: row.retrieval,
    "size alone": lambda row: row.size,
}
INKS = {
    "retrained": "#2b6cb0",
    "trained once": "#b7791f",
    "retrieval only": "#718096",
    "size alone": "#2f855a",
}
FIGURES: dict[str, tuple[Callable[[Figures], Interval], float]] = {
    "where to speak: ROC-AUC": (lambda one: one.auc, 0.5),
    "four-way choice": (lambda one: one.four_way, 0.25),
}
HEIGHT = 280


def table(rows: Sequence[Row]) -> str:
    """A Markdown table of each figure, and one of the costs."""
    lines: list[str] = []
    head = ("step", "until", "remarks", *WAYS)
    for title, (figure, chance) in FIGURES.items():
        lines += [f"\n**{title}** (chance {chance})\n", _line(head), _rule(head)]
        for row in rows:
            found = [render_interval(figure(way(row))) for way in WAYS.values()]
            lines.append(_line((f"{row.number}", f"{row.ends:%Y-%m-%d}", f"{row.remarks}", *found)))
        means = [_mean([figure(way(row)) for row in rows]) for way in WAYS.values()]
        lines.append(_line(("mean", "", "", *means)))
    costs = ("step", "pairs", "training, CPU-seconds", "measuring, CPU-seconds")
    lines += ["\n**cost of each retraining**\n", _line(costs), _rule(costs)]
    lines += [
        _line((f"{r.number}", f"{r.trained_on}", f"{r.cpu_train_s:.0f}", f"{r.cpu_measure_s:.0f}"))
        for r in rows
    ]
    return "\n".join(lines)


def draw(rows: Sequence[Row]) -> str:
    """Both figures over the steps, one above the other, as one SVG."""
    parts = []
    for place, (title, (figure, chance)) in enumerate(FIGURES.items()):
        chart = _chart(rows, title, figure, chance)
        parts.append(f'<g transform="translate(0 {place * HEIGHT})">{_drawn(chart, chance)}</g>')
    size = f'width="520" height="{HEIGHT * len(FIGURES)}"'
    view = f'viewBox="0 0 520 {HEIGHT * len(FIGURES)}"'
    font = 'font-family="sans-serif" font-size="11"'
    body = '<rect width="100%" height="100%" fill="#fff"/>' + "".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} {font}>{body}</svg>\n'


def _chart(
    rows: Sequence[Row], title: str, figure: Callable[[Figures], Interval], chance: float
) -> Chart:
    lines = []
    for name, way in WAYS.items():
        known = [(row.number, figure(way(row)).value) for row in rows]
        points = tuple((float(at), value) for at, value in known if value is not None)
        lines.append(Line(name=name, points=points))
    ticks = tuple(float(row.number) for row in rows)
    last = max(ticks, default=1.0)
    x = Axis(name="step", low=1.0, high=max(2.0, last), ticks=ticks, digits=0)
    low = 0.0 if chance < 0.5 else 0.25
    y = Axis(name=title, low=low, ticks=tuple(t for t in (0.0, 0.25, 0.5, 0.75, 1.0) if t >= low))
    return Chart(
        title=title, told=title, x=x, y=y, lines=tuple(lines), width=520, height=HEIGHT - 10
    )


def _drawn(chart: Chart, chance: float) -> str:
    right, floor = chart.left + chart.across, chart.top + chart.down
    parts = [f'<text x="{chart.left}" y="14" font-weight="bold">{escape(chart.title)}</text>']
    for tick in chart.y.ticks:
        y = chart.place_y(tick)
        parts.append(f'<path d="M{chart.left} {y}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{chart.left - 6}" y="{y + 4}" text-anchor="end">{tick:.2f}</text>')
    y = chart.place_y(chance)
    parts.append(f'<path d="M{chart.left} {y}H{right}" stroke="#999" stroke-dasharray="2 3"/>')
    for tick in chart.x.ticks:
        x = chart.place_x(tick)
        parts.append(f'<text x="{x}" y="{floor + 14}" text-anchor="middle">{tick:.0f}</text>')
    for place, line in enumerate(one for one in chart.lines if one.points):
        ink = INKS[line.name]
        path = chart.path(line.points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{chart.place_x(x)}" cy="{chart.place_y(y)}" r="3" fill="{ink}"/>'
            for x, y in line.points
        ]
        where = f'x="{chart.left + 8 + 115 * place}" y="{floor + 30}" fill="{ink}"'
        parts.append(f"<text {where}>{escape(line.name)}</text>")
    return "".join(parts)


def _mean(intervals: Sequence[Interval]) -> str:
    known = [one.value for one in intervals if one.value is not None]
    return f"{sum(known) / len(known):.3f}" if known else "unknown"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(cells: Sequence[str]) -> str:
    return "|---" * len(cells) + "|"
