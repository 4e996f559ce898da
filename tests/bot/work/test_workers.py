"""Takeover: what a worker that lives no more was doing is done by another, and only by it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS

from bot.door.inbox import Inbox
from bot.hosts.github import GitHubPulls
from bot.work.jobs import Jobs
from bot.work.steps import Steps
from bot.work.workers import Workers
from tests.bot.fake_pulls import HEAD, KEY, REPO
from tests.bot.server_process import wait_for
from tests.bot.stub_reviewer import StubReviewer
from tests.bot.work.test_jobs import ended, receive
from tests.github_fake import FakeGitHub


@contextmanager
def running(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, folder: Path, executor: str
) -> Iterator[Jobs]:
    """A worker of a name."""
    steps = Steps(inbox, lambda _: pulls, stub.reviewer(), KEY, mode="comment", pause_s=0.01)
    url = f"sqlite:///{folder / 'queue.db'}"
    jobs = Jobs(inbox, steps, url, executor=executor, poll_s=0.05, lease_s=1.0)
    jobs.start()
    try:
        yield jobs
    finally:
        jobs.stop(1)


def test_a_worker_is_living_as_long_as_it_beats(inbox: Inbox) -> None:
    workers = Workers(inbox.database, lease_s=30)
    workers.beat("one")
    workers.beat("one")
    workers.beat("two")
    assert workers.living() == {"one", "two"}
    workers.leave("two")
    assert workers.living() == {"one"}
    assert Workers(inbox.database, lease_s=0).living() == set()


def test_what_a_worker_left_that_does_not_come_back_is_taken_over(
    inbox: Inbox, pulls: GitHubPulls, fake: FakeGitHub, tmp_path: Path
) -> None:
    held = StubReviewer(KEY, gate=threading.Event())
    receive(inbox, "d1")
    with running(inbox, pulls, held, tmp_path, "one"):
        wait_for(lambda: len(held.asked) == 1)
    assert held.gate is not None
    held.gate.set()
    with running(inbox, pulls, StubReviewer(KEY), tmp_path, "two"):
        wait_for(lambda: ended(inbox))
        status = DBOS.get_workflow_status("d1")
        assert status is not None
        assert status.status == "CANCELLED"
    job = inbox.job("d1")
    assert (job.state, job.round, job.tries) == ("posted", 1, 0)
    assert len(fake.ours(REPO, 7)) == 1


def test_a_try_that_was_taken_over_changes_nothing_any_more(
    inbox: Inbox, pulls: GitHubPulls, fake: FakeGitHub
) -> None:
    steps = Steps(inbox, lambda _: pulls, StubReviewer(KEY).reviewer(), KEY, mode="comment")
    receive(inbox, "d1")
    assert steps.draft("d1", 0) == HEAD
    inbox.move(inbox.job("d1"), "received", "taken over", round=1)
    assert steps.post("d1", HEAD, 0) == ""
    assert steps.draft("d1", 0) == ""
    assert fake.posts() == []
    assert inbox.job("d1").state == "received"
    assert steps.draft("d1", 1) == HEAD
    assert steps.post("d1", HEAD, 1) == ""
    assert len(fake.ours(REPO, 7)) == 1


def test_a_database_of_an_earlier_release_is_given_what_it_lacks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    first = Inbox(url)
    with first.database.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE deliveries DROP COLUMN actor"))
        connection.execute(sa.text("ALTER TABLE deliveries DROP COLUMN comment"))
    first.close()
    second = Inbox(url)
    receive(second, "d1")
    assert (second.job("d1").actor, second.job("d1").comment) == ("", 0)
    second.close()
