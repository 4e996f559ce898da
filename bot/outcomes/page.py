"""Rates -> text for a terminal. Pure."""

from collections.abc import Sequence

from bot.outcomes.rates import Rate, Stats
from postil.prompt import reveal


def render_stats(repo: str, stats: Stats) -> str:
    """The figures, and every group that has any."""
    lines = [f"{repo}: remarks that were acted on, on merged pull requests"]
    top = [stats.ours, stats.people, *([stats.shadow] if stats.shadow.of else [])]
    lines += _table(top)
    if stats.not_merged:
        lines.append(f"  {stats.not_merged} more stood on pull requests that were not merged")
    for title, rates in (
        ("by category", stats.by_category),
        ("by adapter", stats.by_adapter),
        ("by path", stats.by_path),
    ):
        if rates:
            lines += ["", title, *_table(rates)]
    if stats.by_month:
        lines += ["", "by month of closing"]
        lines += [
            f"  {m}  {ours.shown()}; people {people.shown()}" for m, ours, people in stats.by_month
        ]
    return "\n".join(lines)


def _table(rates: Sequence[Rate]) -> list[str]:
    width = max(len(reveal(one.name)) for one in rates)
    return [f"  {reveal(one.name):<{width}}  {one.shown()}" for one in rates]
