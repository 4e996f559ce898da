"""bot/work/ledger.py: at most 40 writes a minute and 400 an hour, by a clock of our own."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.door.schema import Database
from bot.work.ledger import Ledger
from postil.errors import HostingError


class Clock:
    """Stands still until it is moved."""

    seconds = 1_000_000.0

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}", clock)
    yield Ledger(database)
    database.close()


def refused(ledger: Ledger, repo: str = "team/shop") -> float | None:
    """The wait of a write that is put off; None where it is let through."""
    try:
        ledger.take(repo)
    except HostingError as error:
        return error.retry_after_s
    return None


def test_the_forty_first_write_waits_exactly_until_the_first_is_a_minute_old(
    ledger: Ledger, clock: Clock
) -> None:
    for _ in range(40):
        assert refused(ledger) is None
        clock.seconds += 1
    assert refused(ledger) == 20
    clock.seconds += 20
    assert refused(ledger) is None


def test_an_hour_holds_four_hundred(ledger: Ledger, clock: Clock) -> None:
    let_through = 0
    for _ in range(600):
        let_through += refused(ledger) is None
        clock.seconds += 6
    assert let_through == 400


def test_each_account_has_its_own(ledger: Ledger) -> None:
    for _ in range(40):
        ledger.take("team/shop")
    assert refused(ledger, "Team/other") is not None
    assert refused(ledger, "others/shop") is None
