"""What became of our remarks, by repository: rates, a chart by month, and what followed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.door.inbox import Inbox
from bot.outcomes.alarms import Alarms
from bot.outcomes.book import Book
from bot.outcomes.drift import Alarm, Fall
from bot.outcomes.rates import Rate, Stats, add_up
from bot.outcomes.shelf import read_tuning
from bot.outcomes.tuned import Tuning
from finetune.adapters import Registry
from finetune.pages.charts import Axis, Chart, Dot, Ink, Line
from postil.errors import AdapterError
from postil.records import Record

MOST_MONTHS = 24


class Fared(Record, frozen=True, kw_only=True):
    """All that is shown of one repository. `trouble`: why its tuning cannot be read."""

    repo: str
    stats: Stats
    chart: Chart | None
    tuning: Tuning
    alarms: tuple[Alarm, ...]
    falls: tuple[str, ...]
    trouble: str = ""

    @property
    def tables(self) -> list[tuple[str, tuple[Rate, ...]]]:
        """Every group that has remarks."""
        stats = self.stats
        top = tuple(one for one in (stats.ours, stats.people, stats.shadow) if one.of)
        named = [
            ("who", top),
            ("kind of remark", stats.by_category),
            ("adapter", stats.by_adapter),
            ("path", stats.by_path),
        ]
        return [(title, rates) for title, rates in named if rates]


def look_at(home: Path, inbox: Inbox) -> list[Fared]:
    """Every repository of which something was judged or is out of band, by name."""
    book, alarms = Book(inbox.database), Alarms(inbox.database)
    outcomes, standing, falls = book.outcomes(), alarms.standing(), alarms.falls()
    repos = {one.repo for one in outcomes} | {one.repo for one in standing}
    repos |= {one.repo for one in falls}
    return [
        _fared(
            home,
            repo,
            add_up([one for one in outcomes if one.repo == repo]),
            [one for one in standing if one.repo == repo],
            [one for one in falls if one.repo == repo],
        )
        for repo in sorted(repos)
    ]


def _fared(
    home: Path, repo: str, stats: Stats, alarms: Iterable[Alarm], falls: Iterable[Fall]
) -> Fared:
    trouble, tuning = "", Tuning(repo=repo, adapter="")
    try:
        live = Registry(home).current(repo)
        tuning = read_tuning(home, repo, live.name) if live else tuning
    except AdapterError as error:
        trouble = str(error)
    return Fared(
        repo=repo,
        stats=stats,
        chart=draw(repo, stats),
        tuning=tuning,
        alarms=tuple(alarms),
        falls=tuple(fall.in_words() for fall in falls),
        trouble=trouble,
    )


def draw(repo: str, stats: Stats) -> Chart | None:
    """Acted-on rate by month of closing, ours with intervals and people's; None without any."""
    months = stats.by_month[-MOST_MONTHS:]
    if not any(ours.of for _, ours, _ in months):
        return None
    last = float(max(1, len(months) - 1))
    lines = (
        _line("Postil", "ours", [ours for _, ours, _ in months]),
        _line("people", "theirs", [people for _, _, people in months]),
    )
    dots = [
        Dot(x=float(at), y=ours.value, name=f"{name}: {ours.shown()}", low=ours.low, high=ours.high)
        for at, (name, ours, _) in enumerate(months)
        if ours.value is not None
    ]
    rates = f"Postil {stats.ours.shown()}; people {stats.people.shown()}"
    told = f"{months[0][0]} to {months[-1][0]}: {rates}"
    return Chart(
        title=f"Acted on, by month, in {repo}",
        told=told,
        x=Axis(name=f"months since {months[0][0]}", high=last, ticks=_whole(last), digits=0),
        y=Axis(name="share acted on"),
        lines=tuple(one for one in lines if one.points),
        dots=tuple(dots),
    )


def _line(name: str, ink: Ink, rates: Sequence[Rate]) -> Line:
    """Through the months that have any; one month alone is a level."""
    points = [(float(at), one.value) for at, one in enumerate(rates) if one.value is not None]
    points += [(1.0, points[0][1])] if len(rates) == 1 and points else []
    return Line(name=name, points=tuple(points), ink=ink, dashed=ink == "theirs")


def _whole(last: float) -> tuple[float, ...]:
    """At most about six whole months."""
    step = max(1, round(last / 6))
    return tuple(float(at) for at in range(0, int(last) + 1, step))
