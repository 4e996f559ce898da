"""`postil serve` as it is installed, with a tiny real adapter: a signed delivery, one review."""

import shutil
from pathlib import Path

import pytest

from tests.bot.fake_pulls import REPO
from tests.bot.server_process import InstalledServer, wait_for
from tests.bot.tiny_home import TinyHome, run_postil
from tests.github_fake import FakeGitHub, Served


@pytest.fixture
def own_home(tiny_home: TinyHome, tmp_path: Path) -> Path:
    """A home of this test's own, with the same adapters."""
    shutil.copytree(tiny_home.home / "adapters", tmp_path / "home/adapters")
    return tmp_path / "home"


@pytest.mark.slow
def test_a_signed_delivery_ends_in_one_review_by_the_adapter(
    own_home: Path, served: Served, fake: FakeGitHub
) -> None:
    server = InstalledServer(own_home, served.url)
    server.start()
    try:
        assert server.deliver("d1") == 202
        wait_for(lambda: bool(fake.ours(REPO, 7)), 120)
    finally:
        server.stop()
    (comment,) = fake.pulls[REPO, 7].comments
    assert comment["body"].startswith("> Log it instead of printing it, please.")
    assert "https://redirect.github.com/team/shop/pull/3#discussion_r9" in comment["body"]
    assert len(fake.ours(REPO, 7)) == 1
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("door", ["serve", "worker"])
def test_without_its_secrets_a_door_stays_shut(door: str, tmp_path: Path) -> None:
    done = run_postil(door, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert ("no webhook secret" if door == "serve" else "no token") in done.stderr
