"""Rates -> text for a terminal. Pure."""

from collections.abc import Sequence

from bot.outcomes.drift import Alarm, Fall
from bot.outcomes.rates import Rate, Stats
from bot.outcomes.tuned import UNTUNED, Tuning
from postil.prompt import reveal


def render_stats(
    repo: str,
    stats: Stats,
    tuning: Tuning = UNTUNED,
    alarms: Sequence[Alarm] = (),
    falls: Sequence[Fall] = (),
) -> str:
    """The figures, every group that has any, and what follows from them."""
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
    lines += _listed("the gate was made quieter", tuning.reasons)
    lines += _listed("out of band", [f"{one.adapter}: {one.kind} {one.text}" for one in alarms])
    lines += _listed("taken back", [fall.in_words() for fall in falls])
    return "\n".join(lines)


def _listed(title: str, rows: Sequence[str]) -> list[str]:
    return ["", title, *(f"  {reveal(row)}" for row in rows)] if rows else []


def _table(rates: Sequence[Rate]) -> list[str]:
    width = max(len(reveal(one.name)) for one in rates)
    return [f"  {reveal(one.name):<{width}}  {one.shown()}" for one in rates]
