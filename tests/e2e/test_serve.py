"""`postil serve` as it is installed, with an adapter of the real embedded model."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.run import REPO
from bot.demo.team import Team
from bot.demo.unseen import UnseenPull
from postil.diff import parse_diff
from tests.bot.fake_pulls import small_pull
from tests.bot.server_process import InstalledServer, wait_for
from tests.github_fake import FakeGitHub, Served
from tests.openapi import Description

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

REVIEW_SECONDS = 300


@pytest.fixture
def fake(team: Team, description: Description) -> Iterator[FakeGitHub]:
    """A fake GitHub with the sample team's unseen pull requests; every request must fit."""
    fake = FakeGitHub(description)
    for pull in team.truth.pulls:
        diff = (team.unseen / pull.diff).read_text(encoding="utf-8")
        fake.add(REPO, small_pull(pull.number, pull.head, diff, REPO))
    yield fake
    assert fake.violations == []


@pytest.fixture
def server(talkative: Path, home: Path, served: Served) -> Iterator[InstalledServer]:
    for file in (*home.glob("inbox.db*"), *home.glob("queue.db*")):
        file.unlink()
    server = InstalledServer(home, served.url)
    yield server
    server.kill()


def lines_of(team: Team, pull: UnseenPull) -> set[tuple[str, str, int]]:
    """Every place of its diff that a comment may name."""
    diff = (team.unseen / pull.diff).read_text(encoding="utf-8")
    lines = [(f.path, line) for f in parse_diff(diff) for hunk in f.hunks for line in hunk.lines]
    right = {(path, "RIGHT", line.new) for path, line in lines if line.new}
    return right | {(path, "LEFT", line.old) for path, line in lines if line.old}


def test_a_signed_delivery_ends_in_one_review_with_every_anchor_on_the_diff(
    server: InstalledServer, fake: FakeGitHub, team: Team
) -> None:
    pull = max(team.truth.pulls, key=lambda pull: len(pull.violations))
    server.start()
    assert server.deliver("d1", pull.number, pull.head, REPO) == 202
    wait_for(lambda: server.state("d1") == "posted", REVIEW_SECONDS)
    assert server.deliver("d1", pull.number, pull.head, REPO) == 200
    assert server.deliver("d2", pull.number, pull.head, REPO) == 202
    wait_for(lambda: server.state("d2") in ("posted", "superseded"), REVIEW_SECONDS)
    assert len(fake.ours(REPO, pull.number)) == len(fake.pulls[REPO, pull.number].talk) == 1
    comments = fake.pulls[REPO, pull.number].comments
    assert comments
    assert {(c["path"], c["side"], c["line"]) for c in comments} <= lines_of(team, pull)
    assert "Traceback" not in server.log()


def test_killed_between_the_202_and_the_post_it_still_posts_one_review(
    server: InstalledServer, fake: FakeGitHub, team: Team
) -> None:
    pull = max(team.truth.pulls, key=lambda pull: len(pull.violations))
    searching = fake.fail("GET", "/reviews$", release=threading.Event())
    server.start()
    assert server.deliver("d1", pull.number, pull.head, REPO) == 202
    assert searching.reached.wait(REVIEW_SECONDS)
    assert fake.posts() == []
    server.kill()
    assert searching.release is not None
    searching.release.set()
    server.start()
    wait_for(lambda: server.state("d1") == "posted", REVIEW_SECONDS)
    assert len(fake.ours(REPO, pull.number)) == len(fake.pulls[REPO, pull.number].talk) == 1
