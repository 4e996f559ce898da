"""What a run before has stored is posted only where all of it can be believed."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.bot.action.runner import FORBIDDEN, Runner, pull_event, run_event
from tests.bot.fake_pulls import HEAD, NEXT_HEAD, REPO
from tests.bot.tiny_home import TinyHome
from tests.github_fake import FakeGitHub
from tests.github_repository import FakeRepository, zipped

QUOTE = "Log it instead of printing it, please."
URL = "https://github.com/team/shop/pull/3#discussion_r9"
Forged = dict[str, Any]


@pytest.fixture
def fork(fake: FakeGitHub) -> FakeGitHub:
    """The small pull request, from a fork."""
    fake.pulls[REPO, 7].pull["head"] |= {
        "ref": "name-prices",
        "repo": {"full_name": "somebody/shop"},
    }
    return fake


@pytest.fixture
def honest(memory_home: TinyHome) -> Forged:
    """What our own first job would store."""
    span = {"path": "shop/cart.py", "side": "RIGHT", "start": 12, "end": 12}
    past = {"url": URL, "when": "2024-05-01T00:00:00Z", "similarity": 0.5}
    finding = {"span": span, "message": QUOTE, "score": 0.9, "resembles": [past]}
    return {
        "repo": REPO,
        "pull": 7,
        "head_sha": HEAD,
        "adapter": memory_home.quoting.name,
        "findings": [finding],
        "reviewed": ["shop/cart.py"],
        "skipped": {},
    }


def after(
    runner: Runner, repository: FakeRepository, memory_home: TinyHome, stored: bytes, **more: Any
) -> str:
    """The second job after a run that left an artifact; the end of its log."""
    repository.artifact("postil-result", stored, event="pull_request", head_repo=2)
    given = {"adapter": str(memory_home.quoting)} | more
    return runner.act(run_event(), "workflow_run", **given)


def packed(draft: Forged) -> bytes:
    """The artifact of a result."""
    return zipped({"result.json": msgspec.json.encode(draft)})


def test_an_honest_result_is_posted_once_and_no_model_runs(
    runner: Runner,
    repository: FakeRepository,
    fork: FakeGitHub,
    memory_home: TinyHome,
    honest: Forged,
) -> None:
    done = after(runner, repository, memory_home, packed(honest))
    assert done.startswith("posted one review with 1 line comment")
    (comment,) = fork.pulls[REPO, 7].comments
    assert comment["line"] == 12 and QUOTE in comment["body"]
    assert "redirect.github.com/team/shop/pull/3" in comment["body"]
    assert QUOTE in runner.summary() and runner.outputs()["posted"] == "true"
    again = runner.act(run_event(), "workflow_run", adapter=str(memory_home.quoting))
    assert "reviewed before" in again and len(fork.ours(REPO, 7)) == 1


def test_what_the_first_job_stores_the_second_posts(
    runner: Runner,
    repository: FakeRepository,
    fork: FakeGitHub,
    memory_home: TinyHome,
    tmp_path: Path,
) -> None:
    fork.fail("POST", "/", status=403, body=FORBIDDEN, times=99)
    options = ("action", "--mode", "comment", "--adapter", str(memory_home.quoting))
    more = runner.environment(pull_event(fork="somebody/shop"))
    first = memory_home.run(*options, cwd=runner.workspace, more=more)
    assert first.returncode == 0 and "may only read" in first.stdout, first.stdout
    stored = Path(runner.outputs()["result"]).read_bytes()
    fork.faults.clear()
    second = Runner(tmp_path / "second", more["GITHUB_API_URL"])
    done = after(second, repository, memory_home, zipped({"result.json": stored}))
    assert done.startswith("posted one review")


SPAN = {"path": "shop/cart.py", "side": "RIGHT", "start": 12, "end": 12}


def finding(**more: Any) -> Forged:
    return {"findings": [{"span": SPAN, "message": QUOTE, "score": 0.9} | more]}


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        ({"pull": 8}, "of another pull request"),
        ({"repo": "team/other"}, "of another pull request"),
        ({"head_sha": NEXT_HEAD}, "of another head"),
        ({"adapter": "0" * 16}, "of another adapter"),
        (finding(message="Approved by the security team."), "what its adapter has not learned"),
        (finding(message=""), "a message that cannot be used"),
        (finding(message="a b c " * 2000), "a message that cannot be used"),
        (finding(score=7), "a probability outside"),
        (finding(span=SPAN | {"path": ".github/workflows/x.yml"}), "not in the change"),
        (
            finding(resembles=[{"url": "https://evil.example/x", "similarity": 1.0}]),
            "links what its adapter has not learned from",
        ),
        ({"findings": finding()["findings"] * 9}, "more than 3 remarks"),
        ({"command": "rm -rf /"}, "not of our schema"),
        ({"findings": "x"}, "not of our schema"),
        (finding(span=SPAN | {"start": 13}), "lines 13 to 12 are no span"),
    ],
)
def test_a_forged_result_posts_nothing_and_breaks_nothing(
    runner: Runner,
    repository: FakeRepository,
    fork: FakeGitHub,
    memory_home: TinyHome,
    honest: Forged,
    forged: Forged,
    reason: str,
) -> None:
    done = after(runner, repository, memory_home, packed(honest | forged))
    assert done.startswith("::warning title=Postil::nothing is posted:") and reason in done
    assert fork.posts() == [] and reason in runner.summary()
    assert runner.outputs()["posted"] == "false" and not runner.failed


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (b"", "no archive"),
        (b"PK\x03\x04 no more", "no archive"),
        (zipped({}), "holds 0 files"),
        (zipped({"../result.json": b"{}"}), "not one result.json"),
        (zipped({"result.json": b"{}", "bot/__init__.py": b""}), "holds 2 files"),
        (zipped({"result.json": b"[" * 100_000}), "not of our schema"),
        (zipped({"result.json": b"\xff\xfe"}), "not of our schema"),
        (zipped({"result.json": b" " * (3 << 20)}), "longer than"),
        (b"x" * ((1 << 20) + 1), "larger than"),
    ],
    ids=["empty", "cut", "none", "climbs", "more", "deep", "bytes", "bomb", "large"],
)
def test_what_is_no_result_posts_nothing_and_breaks_nothing(
    runner: Runner,
    repository: FakeRepository,
    fork: FakeGitHub,
    memory_home: TinyHome,
    stored: bytes,
    reason: str,
) -> None:
    done = after(runner, repository, memory_home, stored)
    assert done.startswith("::warning title=Postil::") and reason in done
    assert fork.posts() == [] and not runner.failed


def test_a_suggestion_and_foreign_paths_are_left_out(
    runner: Runner,
    repository: FakeRepository,
    fork: FakeGitHub,
    memory_home: TinyHome,
    honest: Forged,
) -> None:
    forged = honest | finding(suggestion="        steal()\n")
    forged |= {"skipped": {"@ada": "<b>" * 99, "shop/cart.py": "x\n# y" * 99}, "shadow": True}
    done = after(runner, repository, memory_home, packed(forged))
    assert done.startswith("posted one review")
    everything = str(fork.pulls[REPO, 7].comments) + str(fork.ours(REPO, 7)) + runner.summary()
    assert "steal()" not in everything and "@ada" not in everything and "\n# y" not in everything


def test_an_adapter_that_may_not_speak_speaks_through_no_artifact(
    runner: Runner,
    repository: FakeRepository,
    fork: FakeGitHub,
    memory_home: TinyHome,
    honest: Forged,
    tmp_path: Path,
) -> None:
    watched = tmp_path / memory_home.quoting.name
    watched.mkdir()
    for path in memory_home.quoting.iterdir():
        (watched / path.name).write_bytes(path.read_bytes())
    card = msgspec.json.decode((watched / "card.json").read_bytes())
    (watched / "card.json").write_bytes(msgspec.json.encode(card | {"promotion": None}))
    done = after(runner, repository, memory_home, packed(honest), adapter=str(watched))
    assert "was not promoted to speak" in done and fork.posts() == []


def test_a_head_that_moved_on_or_closed_is_left_alone(
    runner: Runner,
    repository: FakeRepository,
    fork: FakeGitHub,
    memory_home: TinyHome,
    honest: Forged,
) -> None:
    fork.pulls[REPO, 7].pull["head"]["sha"] = NEXT_HEAD
    done = after(runner, repository, memory_home, packed(honest))
    assert "no open pull request has the head of that run" in done
    fork.pulls[REPO, 7].pull["head"]["sha"] = HEAD
    fork.pulls[REPO, 7].pull["state"] = "closed"
    done = runner.act(run_event(), "workflow_run", adapter=str(memory_home.quoting))
    assert "no open pull request" in done and fork.posts() == []


def test_without_a_result_there_is_nothing_to_do_or_the_head_is_reviewed_anew(
    runner: Runner, repository: FakeRepository, fork: FakeGitHub, memory_home: TinyHome
) -> None:
    quoting = str(memory_home.quoting)
    done = runner.act(run_event(), "workflow_run", adapter=quoting)
    assert "the run before stored no result" in done and fork.posts() == []
    anew = runner.act(run_event(), "workflow_run", result_artifact="")
    assert anew.startswith("posted one review")
