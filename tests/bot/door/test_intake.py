"""bot/door/intake.py: many at once, one commit; nothing is acknowledged that was not committed."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import SQLAlchemyError

from bot.door.delivery import Delivery
from bot.door.inbox import Inbox
from bot.door.intake import Intake
from tests.bot.fake_pulls import HEAD, REPO


@pytest.fixture
def intake(inbox: Inbox) -> Iterator[Intake]:
    intake = Intake(inbox)
    intake.start()
    yield intake
    intake.stop()


def delivery(number: int) -> Delivery:
    """One of many."""
    return Delivery(
        delivery=f"d{number}", action="opened", repo=REPO, pull=number + 1, head_sha=HEAD
    )


def test_what_many_threads_bring_is_stored_once_each(inbox: Inbox, intake: Intake) -> None:
    with ThreadPoolExecutor(16) as threads:
        said = list(threads.map(intake.accept, [delivery(n % 200) for n in range(400)]))
    assert sorted(said) == ["duplicate"] * 200 + ["new"] * 200
    assert inbox.count() == {"received": 200}


def test_a_commit_that_fails_is_told_to_everybody_who_waits(inbox: Inbox, intake: Intake) -> None:
    with inbox.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE deliveries")
    told: list[type[BaseException]] = []

    def bring(number: int) -> None:
        try:
            intake.accept(delivery(number))
        except SQLAlchemyError as error:
            told.append(type(error))

    threads = [threading.Thread(target=bring, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 8
