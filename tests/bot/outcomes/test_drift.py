"""What leaves its band is told; an adapter that got worse makes room for the one before, once."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bot.door.inbox import Inbox
from bot.operations.metrics import Metrics
from bot.outcomes.alarms import Alarms
from bot.outcomes.book import Book
from bot.outcomes.drift import LEAST_PULLS, LEAST_VOTES, find_drift
from bot.outcomes.following import Following
from bot.outcomes.scores import count_scores
from finetune.adapters import Registry
from mining.commands import store_url
from mining.store import open_store
from postil.records import Draft, Outcome
from postil.settings import OutcomeSettings
from tests.bot.outcomes.builders import draft, make_outcome
from tests.finetune.builders import FORCED
from tests.finetune.test_adapters import card

QUIET = count_scores([0.01] * 18 + [0.4] * 2)
LOUD = count_scores([0.01] * 10 + [0.6] * 10)


def said(count: int, acted: int, adapter: str, begin: int = 0, **more: Any) -> list[Outcome]:
    """Judged remarks, those that were acted on spread among them."""
    return [
        make_outcome(
            n,
            key=str(n),
            adapter=adapter,
            verdict="acted on" if (n * acted) // count != ((n + 1) * acted) // count else "refused",
            **more,
        )
        for n in range(begin, begin + count)
    ]


def heads(count: int, spoken: int, begin: int = 0, **more: Any) -> list[Draft]:
    """One head a pull request, the first of every few with a remark."""
    return [
        draft(*(["Log it."] if n % 10 < spoken else []), pull=begin + n, adapter="two", **more)
        for n in range(count)
    ]


def drift(outcomes: list[Outcome], drafts: list[Draft] | None = None) -> list[tuple[str, bool]]:
    found = find_drift("o/r", "two", outcomes, drafts or [], 1 / 3)
    return [(alarm.kind, alarm.worse) for alarm in found]


def test_an_acted_on_rate_that_fell_is_told() -> None:
    good = said(60, 30, "one")
    assert drift([*good, *said(60, 3, "two", 60)]) == [("acted-on rate", True)]
    assert drift([*good, *said(60, 27, "two", 60)]) == []
    assert drift([*good, *said(60, 60, "two", 60)]) == []


@pytest.mark.parametrize(("before", "now"), [(LEAST_VOTES - 1, 60), (60, LEAST_VOTES - 1)])
def test_with_too_little_to_go_by_nothing_is_told(before: int, now: int) -> None:
    outcomes = [*said(before, before, "one"), *said(now, 0, "two", before)]
    assert drift(outcomes) == []


def test_one_person_cannot_bring_an_adapter_down() -> None:
    good = said(60, 30, "one")
    spite = said(60, 0, "two", 60, decided_by="sid")
    assert drift([*good, *spite]) == []


def test_a_comment_rate_is_held_against_the_adapters_own_beginning() -> None:
    begun = heads(LEAST_PULLS, 2)
    assert drift([], [*begun, *heads(LEAST_PULLS, 9, 100)]) == [("comment rate", True)]
    assert drift([], [*heads(LEAST_PULLS, 9), *heads(LEAST_PULLS, 1, 100)]) == [
        ("comment rate", False)
    ]
    assert drift([], [*begun, *heads(LEAST_PULLS, 3, 100)]) == []
    assert drift([], [*begun, *heads(LEAST_PULLS - 1, 9, 100)]) == []


def test_scores_that_shifted_are_told_and_take_nothing_back() -> None:
    begun = heads(LEAST_PULLS, 2, chances=QUIET)
    assert drift([], [*begun, *heads(LEAST_PULLS, 2, 100, chances=LOUD)]) == [("scores", False)]
    assert drift([], [*begun, *heads(LEAST_PULLS, 2, 100, chances=QUIET)]) == []
    few = count_scores([0.6])
    assert drift([], [*begun, *heads(LEAST_PULLS, 2, 100, chances=few)]) == []


def test_only_the_first_head_of_a_pull_request_counts() -> None:
    pulls = heads(20, 9, 100)
    again = [*pulls, *heads(20, 9, 100), *heads(20, 9, 100)]
    assert drift([], [*heads(LEAST_PULLS, 2), *again]) == []


def test_false_alarms_are_rare() -> None:
    """Looked at after each of 240 remarks without any change, at a rate of a third."""
    alarms = 0
    for seed in range(100):
        chance = Random(seed)
        stream = [
            make_outcome(
                n,
                key=str(n),
                adapter="one" if n < 60 else "two",
                verdict="acted on" if chance.random() < 1 / 3 else "passed over",
            )
            for n in range(240)
        ]
        alarms += any(drift(stream[:end]) for end in range(90, 241, 10))
    assert alarms <= 2


class Shelf:
    """A home with three adapters; the second is live, the first would be gone back to."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.registry = Registry(home)
        self.first, self.second = (self.publish(name) for name in ("first", "second"))
        for folder in (self.first, self.second):
            self.registry.promote("o/r", folder, FORCED)
        self.inbox = Inbox(f"sqlite:///{home / 'inbox.db'}")
        self.book, self.alarms = Book(self.inbox.database), Alarms(self.inbox.database)

    def publish(self, name: str) -> Path:
        with self.registry.workspace("o/r") as made:
            (made / "index.jsonl").write_text(f'{{"name": "{name}"}}\n', encoding="utf-8")
            return self.registry.publish(made, card(name=name, mode="retrieval", pairs=115))

    def judge(self, outcomes: list[Outcome]) -> None:
        for one in outcomes:
            self.book.put("o/r", one.pull, one.closed_at.timestamp(), [one])

    def follow(self, settings: OutcomeSettings | None = None) -> None:
        url = store_url(self.home)
        Following(self.home, self.inbox.database, url, settings or OutcomeSettings()).draw("o/r")

    def live(self) -> Path | None:
        return self.registry.current("o/r")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    with closing(shelf.inbox):
        yield shelf


def test_the_last_good_adapter_takes_over_once_and_it_is_recorded(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.judge(said(60, 30, shelf.first.name))
    shelf.judge(said(60, 3, shelf.second.name, 60))
    shelf.follow()
    assert shelf.live() == shelf.first
    (fall,) = shelf.alarms.falls("o/r")
    assert (fall.adapter, fall.to) == (shelf.second.name, shelf.first.name)
    assert fall.text.startswith("acted-on rate fell to 5% (")
    assert "fallen back repo=o/r" in caplog.text
    shelf.follow()
    assert shelf.live() == shelf.first
    metrics = Metrics(shelf.inbox).render().decode()
    assert "postil_falls_total 1.0" in metrics
    assert 'postil_outcomes{said_by="postil",verdict="acted on"} 33.0' in metrics


def test_where_a_person_decides_it_is_only_told(shelf: Shelf) -> None:
    shelf.judge(said(60, 30, shelf.first.name))
    shelf.judge(said(60, 3, shelf.second.name, 60))
    shelf.follow(OutcomeSettings(fall_back=False))
    assert shelf.live() == shelf.second
    (alarm,) = shelf.alarms.standing("o/r")
    assert (alarm.kind, alarm.adapter) == ("acted-on rate", shelf.second.name)
    assert 'postil_drifts{kind="acted-on rate"} 1.0' in Metrics(shelf.inbox).render().decode()


def test_it_never_goes_back_to_what_was_taken_back(shelf: Shelf) -> None:
    """The first had been taken back before: somebody has to look."""
    shelf.alarms.begin_fall("o/r", shelf.first.name, "x")
    shelf.alarms.end_fall("o/r", shelf.first.name, "elsewhere")
    shelf.judge(said(60, 30, shelf.first.name))
    shelf.judge(said(60, 3, shelf.second.name, 60))
    shelf.follow()
    assert shelf.live() == shelf.second
    assert shelf.alarms.standing("o/r")


def test_what_a_person_promotes_again_stays(shelf: Shelf) -> None:
    shelf.judge(said(60, 30, shelf.first.name))
    shelf.judge(said(60, 3, shelf.second.name, 60))
    shelf.follow()
    shelf.registry.promote("o/r", shelf.second, FORCED)
    shelf.follow()
    assert shelf.live() == shelf.second


def test_without_an_adapter_before_nothing_is_taken_back(shelf: Shelf) -> None:
    (shelf.registry.folder("o/r") / "previous").unlink()
    shelf.judge(said(60, 30, "another"))
    shelf.judge(said(60, 3, shelf.second.name, 60))
    shelf.follow()
    assert shelf.live() == shelf.second


def test_a_live_adapter_deleted_by_hand_stops_nothing(shelf: Shelf) -> None:
    (shelf.second / "card.json").unlink()
    shelf.judge(said(60, 30, shelf.first.name))
    shelf.follow()
    assert shelf.alarms.standing() == []


def test_what_people_refused_when_it_was_said_again_is_not_learned_from(shelf: Shelf) -> None:
    past = "https://example.org/o/r/pull/3#r9"
    shelf.follow()
    assert not (shelf.home / "store.db").exists()
    shelf.judge(said(2, 0, shelf.second.name, echoes=past))
    shelf.follow()
    with open_store(store_url(shelf.home)) as store:
        assert store.vetoed("o/r") == (past,)
    shelf.follow(OutcomeSettings(tune=False))
    with open_store(store_url(shelf.home)) as store:
        assert store.vetoed("o/r") == ()
