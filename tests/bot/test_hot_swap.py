"""A promoted adapter takes over in a running server, and no request is dropped or torn."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.door.inbox import Inbox
from finetune.adapters import Registry
from tests.bot.fake_pulls import small_pull
from tests.bot.server_process import InstalledServer, wait_for
from tests.bot.tiny_home import REPO, TinyHome
from tests.finetune.builders import FORCED
from tests.github_fake import FakeGitHub, Served

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

REVIEW_S = 120
HEADS = {number: f"{number:040x}" for number in range(1, 9)}


def long_diff(files: int) -> str:
    """Many windows, so that a review takes a while."""
    parts = []
    for number in range(files):
        path = f"shop/part{number}.py"
        rows = "\n".join(f"+    total{number} += price{row}" for row in range(20))
        parts.append(
            f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"
            f"@@ -1,1 +1,21 @@\n def total{number}():\n{rows}\n"
        )
    return "".join(parts)


@pytest.fixture
def registry(tiny_home: TinyHome, tmp_path: Path) -> Registry:
    shutil.copytree(tiny_home.home, tmp_path / "home")
    return Registry(tmp_path / "home")


@pytest.fixture
def server(registry: Registry, served: Served, fake: FakeGitHub) -> Iterator[InstalledServer]:
    for number, head in HEADS.items():
        files = 150 if number == 1 else 1
        fake.add(REPO, small_pull(number, head, long_diff(files), repo=REPO))
    server = InstalledServer(registry.home, served.url)
    server.start()
    yield server
    server.kill()


def adapter_of(server: InstalledServer, number: int) -> str:
    inbox = Inbox(f"sqlite:///{server.home / 'inbox.db'}")
    draft = inbox.draft(REPO, number, HEADS[number])
    inbox.close()
    return draft.adapter if draft else ""


def times_read(fake: FakeGitHub, number: int) -> int:
    """How often a pull request, or its diff, was asked for."""
    return sum(
        one.method == "GET" and one.path.endswith(f"/pulls/{number}") for one in fake.requests
    )


def review(server: InstalledServer, number: int) -> str:
    """Deliver a pull request; the adapter that reviewed it."""
    assert server.deliver(f"d{number}", number, HEADS[number], REPO) == 202
    wait_for(lambda: server.state(f"d{number}") in ("posted", "dead", "parked"), REVIEW_S)
    assert server.state(f"d{number}") == "posted", server.log()
    return adapter_of(server, number)


def test_a_review_under_way_ends_on_the_old_adapter_and_the_next_begins_on_the_new(
    server: InstalledServer, registry: Registry, tiny_home: TinyHome, fake: FakeGitHub
) -> None:
    old, new = tiny_home.quoting.name, tiny_home.writing.name
    assert review(server, 2) == old  # the model is loaded now
    assert server.deliver("d1", 1, HEADS[1], REPO) == 202
    wait_for(lambda: times_read(fake, 1) == 3)  # its head, its diff, its head: now it is reviewed
    time.sleep(0.3)
    assert server.deliver("d3", 3, HEADS[3], REPO) == 202  # it waits while the other is read
    registry.promote(REPO, registry.find(REPO, new), FORCED)
    assert server.state("d1") == "leased" and not adapter_of(server, 1)
    wait_for(lambda: server.state("d1") == "posted" and server.state("d3") == "posted", REVIEW_S)
    assert (adapter_of(server, 1), adapter_of(server, 3)) == (old, new)
    began = time.monotonic()
    registry.rollback(REPO)
    assert review(server, 4) == old
    assert time.monotonic() - began < 10, "a roll back takes effect with the next review"
    assert "Traceback" not in server.log()
    assert all(len(fake.ours(REPO, number)) <= 1 for number in (1, 2, 3, 4)), "nothing is doubled"
