"""A dataset at a glance, as one SVG: the funnel, the years, the languages, who wrote.

The same dataset gives the same bytes.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mining.built import Built
from mining.capping import shares
from postil.records import Pair

OVERVIEW = "overview.svg"

KEPT, DROPPED = "#2f7d5b", "#c9c4b8"
TIERS = {"A": "#1d5b41", "B": "#2f7d5b", "C": "#7fb59b", "D": "#c8ddd2"}
MOST_BARS = 12
LONGEST_LABEL = 34
STYLE: Any = {
    "svg.hashsalt": "postil",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 11,
}


def count_by(pairs: Sequence[Pair], key: Callable[[Pair], str]) -> list[tuple[str, int]]:
    """How many pairs there are of each key, most first."""
    counts = Counter(map(key, pairs))
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def language_of(pair: Pair) -> str:
    """The language of a pair's file."""
    return (pair.window.language if pair.window else "") or "other"


def year_of(pair: Pair) -> str:
    """The year in which a pair's pull request was closed."""
    return f"{pair.decided_at:%Y}" if pair.decided_at else "unknown"


def draw_overview(built: Built, path: Path) -> None:
    """Draw the four panels."""
    import matplotlib  # slow to import, and only wanted here
    from matplotlib.figure import Figure

    remarks = [pair for pair in built.pairs if pair.kind == "remark"]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 7.5), layout="constrained")
        (funnel, years), (languages, people) = figure.subplots(2, 2)
        _draw_funnel(funnel, built)
        _draw_years(years, remarks)
        _draw_bars(languages, "Languages", count_by(remarks, language_of))
        train = [pair.author for pair in remarks if pair.split == "train"]
        named = [(author, count) for author, count, _ in shares(train)]
        _draw_bars(people, "Who wrote what is trained on", named)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_funnel(axes: Any, built: Built) -> None:
    """Every reason for which a remark was kept or dropped."""
    reasons = [(why, count) for why, count in built.funnel.remarks.most_common(MOST_BARS) if count]
    colours = [KEPT if why.startswith("kept") else DROPPED for why, _ in reasons]
    _draw_bars(axes, "Remarks kept (green) and dropped, by reason", reasons, colours)


def _draw_years(axes: Any, remarks: Sequence[Pair]) -> None:
    """Remarks a year, stacked by tier."""
    years = sorted({year_of(pair) for pair in remarks})
    below = [0] * len(years)
    for tier, colour in TIERS.items():
        counts = [sum((year_of(p), p.tier) == (year, tier) for p in remarks) for year in years]
        if any(counts):
            axes.bar(years, counts, bottom=below, color=colour, label=f"tier {tier}", width=0.7)
        below = [under + count for under, count in zip(below, counts, strict=True)]
    axes.set_title("Kept remarks by year of closing")
    axes.margins(y=0.2)
    axes.tick_params(axis="x", rotation=45 if len(years) > 8 else 0)
    if remarks:
        axes.legend(frameon=False, loc="upper left", ncols=len(TIERS))


def _draw_bars(
    axes: Any, title: str, rows: Sequence[tuple[str, int]], colours: Sequence[str] | str = KEPT
) -> None:
    """Horizontal bars, the longest on top, each with its number."""
    shown = rows[:MOST_BARS]
    labels = [_short(name) for name, _ in shown]
    counts = [count for _, count in shown]
    bars = axes.barh(range(len(shown)), counts, color=colours, height=0.7)
    axes.set_yticks(range(len(shown)), labels)
    axes.invert_yaxis()
    axes.bar_label(bars, padding=3)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    more = len(rows) - len(shown)
    axes.set_title(f"{title} ({more} more)" if more > 0 else title)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"
