"""`postil serve` as a real process: gunicorn, DBOS and SQLite, killed with SIGKILL and restarted.

Whatever was acknowledged ends in exactly one review on the (fake) host.
"""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from bot.door.delivery import Delivery
from bot.door.inbox import Inbox
from bot.places import database_urls
from bot.server import run_worker, serve
from bot.work.steps import Reviewer
from bot.workshop import Workshop
from postil.errors import ConfigError
from postil.settings import ReviewSettings, ServerSettings, Settings
from tests.bot.fake_pulls import HEAD, REPO
from tests.bot.server_process import StubProcess, wait_for
from tests.bot.stub_reviewer import StubReviewer
from tests.github_fake import TOKEN, FakeGitHub, Served


@pytest.fixture
def server(served: Served, tmp_path: Path) -> Iterator[StubProcess]:
    """A server that is not started yet; killed at the end, if it still runs."""
    server = StubProcess(tmp_path / "home", served.url)
    yield server
    server.kill()


def posted(server: StubProcess, delivery: str = "d1") -> bool:
    """Whether a delivery came to its end."""
    return server.state(delivery) == "posted"


def test_killed_between_the_202_and_the_queue_the_review_still_comes_once(
    server: StubProcess, fake: FakeGitHub
) -> None:
    loading = server.home / "loading"
    loading.touch()
    server.start()
    assert server.deliver("d1") == 202
    assert server.state("d1") == "received"
    server.kill()
    loading.unlink()
    server.start()
    wait_for(lambda: posted(server))
    assert server.deliver("d1") == 200
    assert len(fake.ours(REPO, 7)) == len(fake.posts()) == 1
    assert server.stop() == 0
    assert "Traceback" not in server.log()


def test_killed_between_the_draft_and_the_post_the_review_still_comes_once(
    server: StubProcess, fake: FakeGitHub
) -> None:
    searching = fake.fail("GET", "/reviews$", release=threading.Event())
    server.start()
    assert server.deliver("d1") == 202
    assert searching.reached.wait(20)
    assert server.state("d1") == "drafted"
    server.kill()
    assert searching.release is not None
    searching.release.set()
    assert fake.posts() == []
    server.start()
    wait_for(lambda: posted(server))
    assert len(fake.ours(REPO, 7)) == len(fake.posts()) == 1


def test_killed_after_the_post_was_applied_it_is_not_posted_again(
    server: StubProcess, fake: FakeGitHub
) -> None:
    answering = fake.fail("POST", "/reviews$", applied=True, release=threading.Event())
    server.start()
    assert server.deliver("d1") == 202
    assert answering.reached.wait(20)
    assert server.state("d1") == "posting"
    assert len(fake.ours(REPO, 7)) == 1
    server.kill()
    assert answering.release is not None
    answering.release.set()
    server.start()
    wait_for(lambda: posted(server))
    assert len(fake.ours(REPO, 7)) == len(fake.posts()) == 1


def test_told_to_stop_it_ends_what_it_began(server: StubProcess, fake: FakeGitHub) -> None:
    searching = fake.fail("GET", "/reviews$", release=threading.Event())
    server.start()
    assert server.deliver("d1") == 202
    assert searching.reached.wait(20)
    assert searching.release is not None
    threading.Timer(1.0, searching.release.set).start()
    assert server.stop() == 0
    assert posted(server)
    assert len(fake.ours(REPO, 7)) == 1


def test_the_door_is_open_while_the_model_is_loaded(server: StubProcess) -> None:
    loading = server.home / "loading"
    loading.touch()
    server.start()
    answer = requests.get(f"{server.url}/readyz", timeout=5)
    assert answer.status_code == 503
    assert answer.json()["reason"] == "the reviewer is being loaded"
    loading.unlink()
    wait_for(lambda: requests.get(f"{server.url}/readyz", timeout=5).status_code == 200)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "no webhook secret"),
        ({"POSTIL_WEBHOOK_SECRET": "short"}, "at least 32"),
        ({"POSTIL_WEBHOOK_SECRET": "s" * 32}, "set GITHUB_TOKEN"),
        (
            {
                "POSTIL_WEBHOOK_SECRET": "s" * 32,
                "GITHUB_TOKEN": "t",
                "POSTIL_DATABASE_URL": "mysql://x/y",
            },
            "POSTIL_DATABASE_URL",
        ),
    ],
)
def test_it_refuses_to_start_without_its_secrets(
    tmp_path: Path, environment: dict[str, str], says: str
) -> None:
    def never(key: bytes) -> Reviewer:
        raise AssertionError("no reviewer is made")

    with pytest.raises(ConfigError, match=says):
        serve(Settings(), tmp_path, environment, never)


def test_the_databases_are_two_files_or_one_postgres(tmp_path: Path) -> None:
    assert database_urls(tmp_path, {}) == (
        f"sqlite:///{tmp_path}/inbox.db",
        f"sqlite:///{tmp_path}/queue.db",
    )
    assert database_urls(tmp_path, {"POSTIL_DATABASE_URL": "sqlite:////x.db"}) == (
        "sqlite:////x.db",
        "sqlite:////x.db-queue",
    )
    assert database_urls(tmp_path, {"POSTIL_DATABASE_URL": "postgres://u@h/d"}) == (
        "postgresql+psycopg://u@h/d",
        "postgresql://u@h/d",
    )


def test_a_reviewer_that_cannot_be_made_is_said_and_breaks_nothing(tmp_path: Path) -> None:
    def broken(key: bytes) -> Reviewer:
        raise ConfigError("no adapter is promoted")

    workshop = Workshop(Settings(), tmp_path, {"GITHUB_TOKEN": "t"}, broken, "test")
    workshop.start()
    wait_for(lambda: workshop.trouble() == "no reviewer: no adapter is promoted")
    workshop.wake()
    workshop.stop()


def test_a_worker_reviews_what_another_process_received(
    fake: FakeGitHub, served: Served, tmp_path: Path
) -> None:
    settings = Settings(
        review=ReviewSettings(mode="comment"), server=ServerSettings(api_url=served.url)
    )
    inbox = Inbox(f"sqlite:///{tmp_path / 'inbox.db'}")
    inbox.accept(Delivery(delivery="d1", action="opened", repo=REPO, pull=7, head_sha=HEAD))
    ended: list[str] = []

    def stop_when_posted() -> None:
        wait_for(lambda: inbox.job("d1").state == "posted")
        ended.append(inbox.job("d1").detail)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    watcher = threading.Thread(target=stop_when_posted)
    watcher.start()
    try:
        run_worker(
            settings, tmp_path, {"GITHUB_TOKEN": TOKEN}, lambda key: StubReviewer(key).reviewer()
        )
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    watcher.join()
    inbox.close()
    assert ended == ["posted one review with 1 line comment"]
    assert len(fake.ours(REPO, 7)) == 1
