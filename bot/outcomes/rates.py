"""Outcomes -> how often remarks were acted on, with 95 % intervals. Pure.

Intervals are Wilson's, which hold for few remarks too. Remarks of one pull request are not
independent, so they are somewhat too narrow where a pull request got many. What was not merged is
in no rate.
"""

from collections.abc import Callable, Iterable, Sequence

from finetune.shares import NORMAL, wilson
from postil.records import Outcome, Record, SaidBy

MOST_PATHS = 20


class Rate(Record, frozen=True, kw_only=True):
    """`acted` of `of` remarks were acted on; value and interval None where there were none."""

    name: str
    acted: float
    of: float
    refused: int = 0
    value: float | None
    low: float | None
    high: float | None

    def shown(self) -> str:
        """For a person: share, interval and counts."""
        if self.value is None or self.low is None or self.high is None:
            return "none judged"
        interval = f"{self.low:.0%} to {self.high:.0%}"
        refused = f", {self.refused} refused" if self.refused else ""
        return f"{self.value:.0%} ({interval}; {self.acted:g} of {self.of:g}{refused})"


class Stats(Record, frozen=True, kw_only=True):
    """How a repository's remarks fared; `people` are the reviewers in the same pull requests."""

    ours: Rate
    people: Rate
    shadow: Rate
    not_merged: int
    """Remarks of ours on pull requests that were closed without it."""
    by_category: tuple[Rate, ...]
    by_adapter: tuple[Rate, ...]
    by_path: tuple[Rate, ...]
    """The folders with the most remarks."""
    by_month: tuple[tuple[str, Rate, Rate], ...]
    """Month of closing, ours and people's."""


def rate_of(name: str, acted: float, of: float, refused: int = 0) -> Rate:
    """A rate from its counts."""
    low, high = wilson(acted, of, NORMAL) if of > 0 else (None, None)
    value = acted / of if of > 0 else None
    return Rate(name=name, acted=acted, of=of, refused=refused, value=value, low=low, high=high)


def rate(name: str, outcomes: Iterable[Outcome]) -> Rate:
    """How often these were acted on."""
    had_a_chance = [one for one in outcomes if one.verdict != "not merged"]
    return rate_of(
        name,
        sum(one.verdict == "acted on" for one in had_a_chance),
        len(had_a_chance),
        sum(one.verdict == "refused" for one in had_a_chance),
    )


def add_up(outcomes: Sequence[Outcome]) -> Stats:
    """All rates of some outcomes."""
    said: dict[SaidBy, list[Outcome]] = {"postil": [], "shadow": [], "person": []}
    for one in outcomes:
        said[one.said_by].append(one)
    ours, people = said["postil"], said["person"]
    beside = {(one.repo, one.pull) for one in ours}
    people_beside = [one for one in people if (one.repo, one.pull) in beside]
    months = sorted({f"{one.closed_at:%Y-%m}" for one in ours})
    return Stats(
        ours=rate("Postil", ours),
        people=rate("people, in the same pull requests", people_beside),
        shadow=rate("Postil in shadow", said["shadow"]),
        not_merged=sum(one.verdict == "not merged" for one in ours),
        by_category=_grouped(ours, lambda one: one.category),
        by_adapter=_grouped(ours, lambda one: one.adapter),
        by_path=_grouped(ours, lambda one: folder_of(one.path))[:MOST_PATHS],
        by_month=tuple(
            (month, _in_month(ours, month), _in_month(people_beside, month)) for month in months
        ),
    )


def folder_of(path: str) -> str:
    """The first two folders of a path, or the file itself at the top."""
    parts = path.split("/")
    return "/".join(parts[:2]) if len(parts) < 3 else f"{parts[0]}/{parts[1]}/…"


def _grouped(outcomes: Sequence[Outcome], key: Callable[[Outcome], str]) -> tuple[Rate, ...]:
    """A rate for each group, the largest first."""
    groups: dict[str, list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault(key(one), []).append(one)
    rates = [rate(name, group) for name, group in groups.items()]
    return tuple(sorted((one for one in rates if one.of), key=lambda one: (-one.of, one.name)))


def _in_month(outcomes: Sequence[Outcome], month: str) -> Rate:
    return rate(month, [one for one in outcomes if f"{one.closed_at:%Y-%m}" == month])
