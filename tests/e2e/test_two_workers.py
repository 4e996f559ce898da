"""A server and two workers on one Postgres: one is killed in the middle, the other finishes."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.door.inbox import Inbox
from bot.door.signature import load_marker_key
from bot.places import database_urls
from tests.bot.fake_pulls import HEAD, REPO, small_pull
from tests.bot.server_process import ROOT, SECRET, wait_for
from tests.bot.work.test_jobs import receive
from tests.github_fake import TOKEN, FakeGitHub, Served
from tests.openapi import Description
from tests.postgres import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture
def fake(description: Description) -> Iterator[FakeGitHub]:
    fake = FakeGitHub(description)
    fake.add(REPO, small_pull())
    yield fake
    assert fake.violations == []


class Worker:
    """`tests.bot.stub_worker`, in a process group of its own."""

    def __init__(self, name: str, home: Path, api_url: str, database: str) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "POSTIL_DATABASE_URL": database,
            "POSTIL_WEBHOOK_SECRET": SECRET,
            "GITHUB_TOKEN": TOKEN,
        }
        command = [sys.executable, "-m", "tests.bot.stub_worker", str(home), api_url, name]
        self.name = name
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def test_one_of_two_workers_is_killed_mid_job_and_the_other_finishes(
    postgres_server: Postgres, fake: FakeGitHub, served: Served, tmp_path: Path
) -> None:
    database = postgres_server.new_database()
    load_marker_key(tmp_path)
    inbox = Inbox(database_urls(tmp_path, {"POSTIL_DATABASE_URL": database})[0])
    searching = fake.fail("GET", "/reviews$", release=threading.Event())
    workers = [Worker(name, tmp_path, served.url, database) for name in ("one", "two")]
    try:
        receive(inbox, "d1")
        assert searching.reached.wait(60)
        (holder,) = {
            worker for worker in workers if worker.name in (tmp_path / "asked").read_text()
        }
        holder.kill()
        assert searching.release is not None
        searching.release.set()
        wait_for(lambda: inbox.job("d1").state == "posted", 60)
    finally:
        for worker in workers:
            worker.kill()
        inbox.close()
    assert len(fake.ours(REPO, 7)) == len(fake.posts()) == 1
    assert fake.pulls[REPO, 7].reviews[0]["commit_id"] == HEAD
