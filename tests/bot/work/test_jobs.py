"""bot/work/jobs.py: the inbox through the real DBOS on SQLite, in this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.door.delivery import OPEN_STATES, Delivery
from bot.door.inbox import Inbox
from bot.hosts.github import GitHubPulls
from bot.work.jobs import Jobs
from bot.work.steps import Steps
from tests.bot.fake_pulls import DIFF, HEAD, KEY, REPO
from tests.bot.server_process import wait_for
from tests.bot.stub_reviewer import StubReviewer
from tests.github_fake import FakeGitHub


@contextmanager
def running(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, folder: Path, drain_s: int = 2
) -> Iterator[Jobs]:
    """A queue that works through the inbox."""
    reviewer = stub.reviewer()
    steps = Steps(inbox, lambda _: pulls, reviewer, KEY, mode="comment", pause_s=0.01)
    url = f"sqlite:///{folder / 'queue.db'}"
    jobs = Jobs(inbox, steps, url, executor="test", poll_s=0.05)
    jobs.start()
    try:
        yield jobs
    finally:
        jobs.stop(drain_s)


def receive(inbox: Inbox, name: str, head_sha: str = HEAD) -> None:
    """One delivery of the small pull request."""
    inbox.accept(
        Delivery(delivery=name, action="synchronize", repo=REPO, pull=7, head_sha=head_sha)
    )


def ended(inbox: Inbox) -> bool:
    """Whether no delivery is under way."""
    return not set(inbox.count()) & set(OPEN_STATES)


def test_twenty_pushes_make_at_most_two_drafts_and_one_review_of_the_last_head(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub, tmp_path: Path
) -> None:
    stub.gate = threading.Event()
    with running(inbox, pulls, stub, tmp_path) as jobs:
        receive(inbox, "push-00")
        jobs.wake()
        wait_for(lambda: len(stub.asked) == 1)
        for number in range(1, 20):
            fake.pulls[REPO, 7].push(f"{number:040x}", DIFF)
            receive(inbox, f"push-{number:02}", f"{number:040x}")
            jobs.wake()
        stub.gate.set()
        wait_for(lambda: ended(inbox))
    assert len(stub.asked) == 2
    (review,) = fake.ours(REPO, 7)
    assert review["commit_id"] == f"{19:040x}"
    assert inbox.count() == {"superseded": 19, "posted": 1}


def test_a_failing_host_is_tried_three_times_and_then_the_job_is_dead(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub, tmp_path: Path
) -> None:
    fake.fail("POST", "/reviews$", status=502, times=99)
    receive(inbox, "d1")
    with running(inbox, pulls, stub, tmp_path):
        wait_for(lambda: ended(inbox))
    job = inbox.job("d1")
    assert (job.state, job.tries) == ("dead", 3)
    assert "cannot post the review" in job.detail
    assert len(fake.posts()) == 3
    assert len(stub.asked) == 1


def test_a_job_that_failed_once_succeeds_on_the_next_try(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub, tmp_path: Path
) -> None:
    fake.fail("POST", "/reviews$", status=502)
    receive(inbox, "d1")
    with running(inbox, pulls, stub, tmp_path):
        wait_for(lambda: ended(inbox))
    assert inbox.job("d1").state == "posted"
    assert len(fake.ours(REPO, 7)) == 1


def test_a_rejected_token_parks_the_job_until_it_is_redelivered(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub, tmp_path: Path
) -> None:
    fake.fail("GET", "/pulls/7$", status=401)
    receive(inbox, "d1")
    with running(inbox, pulls, stub, tmp_path) as jobs:
        wait_for(lambda: ended(inbox))
        assert inbox.job("d1").state == "parked"
        receive(inbox, "d1")
        jobs.wake()
        wait_for(lambda: inbox.job("d1").state == "posted")
    assert len(fake.ours(REPO, 7)) == 1


def test_a_lost_queue_is_filled_again_from_the_inbox(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub, tmp_path: Path
) -> None:
    receive(inbox, "d1")
    inbox.move(inbox.job("d1"), "leased")
    with running(inbox, pulls, stub, tmp_path):
        wait_for(lambda: ended(inbox))
    assert inbox.job("d1").state == "posted"


def test_a_workflow_that_ended_without_a_word_is_tried_anew(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub, tmp_path: Path
) -> None:
    """As when DBOS gave up recovering it: the row is open, the workflow is not."""
    receive(inbox, "d1")
    with running(inbox, pulls, stub, tmp_path):
        wait_for(lambda: ended(inbox))
    with inbox.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET state = 'leased'")
    with running(inbox, pulls, stub, tmp_path):
        wait_for(lambda: ended(inbox))
    job = inbox.job("d1")
    assert (job.state, job.tries, job.workflow_id) == ("posted", 1, "d1.1")
    assert len(fake.ours(REPO, 7)) == 1


def test_what_was_running_when_the_queue_stopped_is_finished_by_the_next(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub, tmp_path: Path
) -> None:
    stub.gate = threading.Event()
    receive(inbox, "d1")
    with running(inbox, pulls, stub, tmp_path, drain_s=1):
        wait_for(lambda: len(stub.asked) == 1)
    stub.gate.set()
    assert fake.posts() == []
    with running(inbox, pulls, stub, tmp_path):
        wait_for(lambda: ended(inbox))
    assert inbox.job("d1").state == "posted"
    assert len(fake.ours(REPO, 7)) == 1
