"""bot/door/inbox.py: what is committed stays, and nobody moves what another has moved on."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.door.delivery import Delivery
from bot.door.inbox import Inbox
from postil.errors import PayloadError
from tests.bot.fake_pulls import HEAD, REPO
from tests.bot.stub_reviewer import review
from tests.bot.work.test_steps import head_of


def delivery(name: str, pull: int = 7) -> Delivery:
    """An opened pull request."""
    return Delivery(delivery=name, action="opened", repo=REPO, pull=pull, head_sha=HEAD)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'inbox.db'}"


def test_a_delivery_is_new_once(url: str) -> None:
    inbox = Inbox(url)
    assert [inbox.accept(delivery("d1")) for _ in range(3)] == ["new", "duplicate", "duplicate"]
    assert inbox.count() == {"received": 1}
    inbox.close()


def test_a_thousand_replays_make_one_job(url: str) -> None:
    inbox = Inbox(url)
    receipts: list[str] = []

    def replay() -> None:
        for _ in range(125):
            receipts.append(inbox.accept(delivery("d1")))

    threads = [threading.Thread(target=replay) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(receipts) == ["duplicate"] * 999 + ["new"]
    inbox.close()


@pytest.mark.parametrize("state", ["parked", "dead"])
def test_what_was_given_up_is_taken_up_again_when_redelivered(url: str, state: str) -> None:
    inbox = Inbox(url)
    inbox.accept(delivery("d1"))
    inbox.move(inbox.job("d1"), state, "the token is gone", tries=3)  # type: ignore[arg-type]
    assert inbox.accept(delivery("d1")) == "again"
    job = inbox.job("d1")
    assert (job.state, job.tries, job.workflow_id) == ("received", 0, "d1.1")
    inbox.close()


def test_a_commit_is_on_the_disk_when_it_returns(url: str) -> None:
    inbox = Inbox(url)
    with inbox.database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    inbox.close()


def test_deliveries_wait_until_their_time(url: str) -> None:
    inbox = Inbox(url, now=lambda: datetime.fromtimestamp(1000, UTC))
    inbox.accept(delivery("d1"))
    inbox.accept(delivery("d2"))
    inbox.move(inbox.job("d1"), "received", not_before=1001.0)
    assert [job.delivery for job in inbox.due()] == ["d2"]
    inbox.close()
    later = Inbox(url, now=lambda: datetime.fromtimestamp(1001, UTC))
    assert [job.delivery for job in later.due()] == ["d1", "d2"]
    later.close()


def test_only_a_later_waiting_delivery_of_the_same_pull_request_takes_over(url: str) -> None:
    inbox = Inbox(url)
    for name, pull in (("d1", 7), ("d2", 8), ("d3", 7)):
        inbox.accept(delivery(name, pull))
    assert inbox.later_waits(inbox.job("d1"))
    assert not inbox.later_waits(inbox.job("d2"))
    assert not inbox.later_waits(inbox.job("d3"))
    inbox.move(inbox.job("d3"), "leased")
    assert not inbox.later_waits(inbox.job("d1"))
    inbox.close()


def test_a_worker_that_slept_cannot_move_a_job_that_went_on(url: str) -> None:
    inbox = Inbox(url)
    inbox.accept(delivery("d1"))
    stale = inbox.job("d1")
    assert inbox.move(stale, "received", round=1)
    assert not inbox.move(stale, "posted")
    assert inbox.move(inbox.job("d1"), "posted")
    assert not inbox.move(inbox.job("d1"), "leased")
    assert inbox.job("d1").state == "posted"
    inbox.close()


def test_the_first_draft_of_a_head_stays(url: str) -> None:
    inbox = Inbox(url)
    first = review(head_of(HEAD), "")
    inbox.save_draft(first)
    inbox.save_draft(review(head_of(HEAD), "diff --git a/a b/a\n"))
    assert inbox.draft(REPO, 7, HEAD) == first
    assert inbox.draft(REPO, 8, HEAD) is None
    assert not inbox.was_posted(REPO, 7, HEAD)
    inbox.mark_posted(REPO, 7, HEAD)
    assert inbox.was_posted(REPO, 7, HEAD)
    inbox.close()


def test_an_unknown_delivery_is_said_to_be_unknown(url: str) -> None:
    inbox = Inbox(url)
    with pytest.raises(PayloadError, match="no delivery d9"):
        inbox.job("d9")
    inbox.close()
