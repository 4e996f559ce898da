"""Acceptance over time: the team's accepted remarks a month, and what became of ours, as charts."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa

from bot.dashboard.curation import PAIRS
from bot.door.inbox import Inbox
from bot.door.schema import drafts
from finetune.pages.charts import Axis, Chart, Ink, Line, Point, even_axis
from postil.records import Draft, Pair, Record, read_jsonl

MOST_MONTHS = 36
INKS: tuple[Ink, ...] = ("ours", "theirs", "plain", "bad")


class Months(Record, frozen=True, kw_only=True):
    """Counts by month, oldest first; a month without any is there too."""

    names: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]

    @property
    def rows(self) -> list[tuple[str, list[int]]]:
        """As a table, newest first."""
        columns = list(self.counts.values())
        rows = [(name, [c[at] for c in columns]) for at, name in enumerate(self.names)]
        return rows[::-1]


def team_months(home: Path, repos: Iterable[str]) -> Months:
    """Accepted remarks of reviewers, by tier, as far as they are in built datasets."""
    dated: list[tuple[datetime, str]] = []
    for repo in repos:
        for pair in read_jsonl(home / "datasets" / repo / PAIRS, Pair):
            if pair.kind == "remark" and pair.decided_at and pair.tier:
                dated.append((pair.decided_at, f"tier {pair.tier}"))
    return _by_month(dated)


def own_months(inbox: Inbox) -> Months:
    """Our remarks: found, and posted."""
    dated: list[tuple[datetime, str]] = []
    query = sa.select(drafts.c.body, drafts.c.made_at, drafts.c.posted_at)
    with inbox.database.read() as connection:
        for body, made_at, posted_at in connection.execute(query):
            draft = msgspec.json.decode(body, type=Draft)
            at = datetime.fromtimestamp(made_at, UTC)
            dated += [(at, "found")] * len(draft.findings)
            if posted_at is not None:
                dated += [(at, "posted")] * len(draft.findings)
    return _by_month(dated)


def draw(title: str, months: Months) -> Chart | None:
    """A line for each kind; None where there is nothing to draw."""
    if not months.names:
        return None
    kinds = sorted(months.counts)
    lines = tuple(
        Line(
            name=kind,
            ink=INKS[place % len(INKS)],
            dashed=place >= len(INKS),
            points=_points(months.counts[kind]),
        )
        for place, kind in enumerate(kinds)
    )
    most = [float(count) for kind in kinds for count in months.counts[kind]]
    total = ", ".join(f"{sum(months.counts[kind])} {kind}" for kind in kinds)
    told = f"{months.names[0]} to {months.names[-1]}, by month: {total} in all"
    x = _whole_axis(f"months since {months.names[0]}", [float(max(1, len(months.names) - 1))])
    return Chart(title=title, told=told, x=x, y=_whole_axis("remarks", most), lines=lines)


def _whole_axis(name: str, values: list[float]) -> Axis:
    """From 0, with whole numbers only on it."""
    axis = even_axis(name, [0.0, *values])
    ticks = tuple(tick for tick in axis.ticks if tick == int(tick))
    return msgspec.structs.replace(axis, ticks=ticks, digits=0)


def _points(counts: tuple[int, ...]) -> tuple[Point, ...]:
    points = [(float(at), float(count)) for at, count in enumerate(counts)]
    return tuple(points) if len(points) > 1 else (*points, (1.0, points[0][1]))


def _by_month(dated: Iterable[tuple[datetime, str]]) -> Months:
    counted = Counter(((at.year, at.month), kind) for at, kind in dated)
    if not counted:
        return Months(names=(), counts={})
    last = max(month for month, _ in counted)
    months = [min(month for month, _ in counted)]
    while months[-1] < last:
        year, month = months[-1]
        months.append((year + month // 12, month % 12 + 1))
    months = months[-MOST_MONTHS:]
    kinds = sorted({kind for _, kind in counted})
    counts = {kind: tuple(counted[month, kind] for month in months) for kind in kinds}
    return Months(names=tuple(f"{y}-{m:02}" for y, m in months), counts=counts)
