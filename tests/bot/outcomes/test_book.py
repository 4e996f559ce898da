"""The tables of outcomes, alarms and falls, on SQLite and on Postgres."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.door.schema import Database
from bot.outcomes.alarms import Alarms
from bot.outcomes.book import Book
from bot.outcomes.drift import Alarm
from tests.bot.outcomes.builders import make_outcome

ALARM = Alarm(repo="o/r", adapter="one", kind="scores", text="shifted", worse=False)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def database(request: Any, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'inbox.db'}"
    if request.param == "postgres":
        made = request.getfixturevalue("postgres_server").new_database()
        url = f"postgresql+psycopg://{made.partition('://')[2]}"
    with closing(Database(url)) as database:
        yield database


def test_a_pull_request_is_kept_whole_over_what_was_known(database: Database) -> None:
    book = Book(database)
    first = [make_outcome(1, key="a"), make_outcome(1, key="b", verdict="acted on")]
    book.put("o/r", 1, 5.0, first)
    book.put("o/r", 2, 6.0, [make_outcome(2, said_by="person")])
    assert book.outcomes("o/r") == [*first, make_outcome(2, said_by="person")]
    book.put("o/r", 1, 7.0, first[:1])
    assert book.outcomes() == [make_outcome(2, said_by="person"), *first[:1]]
    assert book.closings("o/r") == {1: 7.0, 2: 6.0}
    assert book.verdicts() == {("person", "passed over"): 1, ("postil", "passed over"): 1}
    assert book.outcomes("o/else") == []


def test_alarms_are_those_of_now_and_new_ones_are_told_once(database: Database) -> None:
    alarms = Alarms(database)
    assert alarms.put("o/r", [ALARM]) == [ALARM]
    assert alarms.put("o/r", [ALARM]) == []
    assert alarms.standing() == alarms.standing("o/r") == [ALARM]
    assert alarms.put("o/r", []) == alarms.standing() == []


def test_a_fall_happens_once_and_is_finished_where_it_broke_off(database: Database) -> None:
    alarms = Alarms(database)
    assert alarms.begin_fall("o/r", "two", "worse")
    assert alarms.begin_fall("o/r", "two", "worse")  # killed before it was done
    alarms.end_fall("o/r", "two", "one")
    assert not alarms.begin_fall("o/r", "two", "worse")
    assert [(fall.adapter, fall.to) for fall in alarms.falls("o/r")] == [("two", "one")]
    assert "two made room for one: worse" in alarms.falls()[0].in_words()
