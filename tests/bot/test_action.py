"""`postil action`, as a workflow runs it: an event file, a (fake) GitHub, a tiny real adapter."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.action import (
    Event,
    PullPart,
    base_settings,
    error_command,
    idle_reason,
    marker_key,
    read_event,
    read_workflow,
    run_action,
)
from bot.model_process import ModelProcess
from postil.errors import ConfigError, HostingError, PayloadError
from postil.settings import Settings
from tests.bot.fake_pulls import DIFF, HEAD, NEXT_HEAD, REPO
from tests.bot.stub_model import stub_info
from tests.bot.tiny_home import TinyHome
from tests.github_fake import TOKEN, FakeGitHub, Served
from tests.tiny_git import TinyGit

FORBIDDEN = {"message": "Resource not accessible by integration"}


def event(action: str = "opened", fork: str = REPO, base: str = "0" * 40) -> dict[str, Any]:
    """An event of the small pull request."""
    return {
        "action": action,
        "number": 7,
        "pull_request": {
            "number": 7,
            "draft": False,
            "head": {"sha": HEAD, "repo": {"full_name": fork}},
            "base": {"sha": base, "repo": {"full_name": REPO}},
        },
    }


class Runner:
    """A workflow's machine: its files, and the command run on it."""

    def __init__(self, folder: Path, served: Served) -> None:
        self.folder = folder
        self.workspace = folder / "work"
        self.workspace.mkdir()
        self._url = served.url

    def environment(self, event: dict[str, Any]) -> dict[str, str]:
        """What GitHub sets for an event."""
        (self.folder / "event.json").write_text(json.dumps(event))
        return {
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": self._url,
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
        }

    def act(self, event: dict[str, Any], mode: str = "comment", *, shadow: bool = False) -> str:
        """Run the Action here, with a stub in the model's process."""
        adapter = self.folder / "adapter"
        adapter.mkdir(exist_ok=True)
        (adapter / "card.json").touch()
        environment = self.environment(event)
        opened = partial(open_stub, shadow=shadow)
        return run_action(environment, self.folder, opened, adapter=str(adapter), mode=mode)

    def summary(self) -> str:
        return (self.folder / "summary.md").read_text()

    def outputs(self) -> dict[str, str]:
        lines = (self.folder / "output").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


def open_stub(folder: Path, *, shadow: bool = False) -> ModelProcess:
    """A process that remarks on sums."""
    spec = {"rule:sum(": "Sum it elsewhere."}
    info = msgspec.structs.replace(stub_info(), shadow=shadow)
    return ModelProcess(info, "tests.bot.stub_model:load", lambda: spec, os.environ)


@pytest.fixture
def runner(tmp_path: Path, served: Served) -> Runner:
    return Runner(tmp_path, served)


def test_an_opened_pull_request_gets_one_review_and_a_second_run_adds_nothing(
    runner: Runner, fake: FakeGitHub, tiny_home: TinyHome
) -> None:
    more = runner.environment(event())
    done = tiny_home.run("action", "--mode", "comment", cwd=runner.workspace, more=more)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout == "posted one review with 1 line comments\n"
    (review,) = fake.ours(REPO, 7)
    (comment,) = fake.pulls[REPO, 7].comments
    assert review["state"] == "COMMENTED" and comment["line"] in (10, 11, 12, 13, 14)
    assert comment["body"].startswith("Log it instead of printing it, please.")
    assert runner.outputs() == {
        "adapter": tiny_home.quoting.name,
        "findings": "1",
        "reviewed": "1",
        "skipped": "0",
        "posted": "true",
    }
    assert "posted one review" in runner.summary()
    assert runner.act(event("synchronize")) == "nothing posted: this head was reviewed before"
    assert len(fake.posts()) == 1


def test_after_a_push_only_what_is_new_is_said(runner: Runner, fake: FakeGitHub) -> None:
    assert runner.act(event()) == "posted one review with 1 line comments"
    fake.pulls[REPO, 7].push(NEXT_HEAD, DIFF)
    assert runner.act(event("synchronize")) == "nothing posted: all of it was said before"
    assert len(fake.posts()) == 1


def test_in_shadow_everything_stands_in_the_summary(runner: Runner, fake: FakeGitHub) -> None:
    assert runner.act(event(), mode="") == "shadow mode: nothing is posted"
    assert "Sum it elsewhere." in runner.summary()
    assert "default settings" in runner.summary()
    assert runner.outputs()["posted"] == "false" and fake.posts() == []


def test_an_adapter_that_may_not_speak_is_in_the_summary_alone(
    runner: Runner, fake: FakeGitHub
) -> None:
    assert runner.act(event(), shadow=True).endswith("was not promoted to speak")
    assert "Sum it elsewhere." in runner.summary()
    assert runner.outputs()["posted"] == "false" and fake.posts() == []


def test_on_a_fork_a_refused_post_is_told_in_the_summary(runner: Runner, fake: FakeGitHub) -> None:
    fake.fail("POST", "/reviews$", status=403, body=FORBIDDEN)
    fake.fail("GET", "^/user$", status=403, body=FORBIDDEN)
    done = runner.act(event(fork="somebody/shop"))
    assert "on a fork's pull request the token may not" in done
    assert "Sum it elsewhere." in runner.summary() and runner.outputs()["posted"] == "false"


def test_a_refused_post_of_our_own_branch_is_an_error(runner: Runner, fake: FakeGitHub) -> None:
    fake.fail("POST", "/reviews$", status=403, body=FORBIDDEN)
    with pytest.raises(HostingError, match="cannot post the review: 403"):
        runner.act(event())
    assert not (runner.folder / "output").exists()


def test_a_closed_pull_request_is_left_alone(runner: Runner, fake: FakeGitHub) -> None:
    fake.pulls[REPO, 7].pull["state"] = "closed"
    assert runner.act(event()) == "nothing posted: the pull request is closed"


def test_clean_code_draws_no_review(runner: Runner, fake: FakeGitHub) -> None:
    fake.pulls[REPO, 7].diff = DIFF.replace("sum(", "max(")
    assert runner.act(event()) == "nothing posted: nothing to say"
    assert fake.posts() == []


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"ref": "refs/heads/main"}, "this event is not of a pull request"),
        (event("closed"), "nothing to do when a pull request is closed"),
        (
            event() | {"pull_request": event()["pull_request"] | {"draft": True}},
            "the pull request is a draft",
        ),
        (event("ready_for_review"), ""),
    ],
)
def test_other_events_are_left_alone(event: dict[str, Any], reason: str, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(json.dumps(event))
    assert idle_reason(read_event(tmp_path / "event.json")) == reason


def test_outside_of_a_workflow_one_line_says_so(tiny_home: TinyHome, tmp_path: Path) -> None:
    done = tiny_home.run("action", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == (
        "::error title=Postil::GITHUB_EVENT_PATH is not set:"
        " postil action runs inside a GitHub workflow\n"
    )


def test_an_event_file_that_is_none(tmp_path: Path) -> None:
    for text in ("", "[]", '{"action": 3}'):
        (tmp_path / "event.json").write_text(text)
        with pytest.raises(PayloadError, match="not an event file"):
            read_event(tmp_path / "event.json")
    with pytest.raises(PayloadError):
        read_event(tmp_path / "nosuch")
    assert idle_reason(Event()) != ""


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="GITHUB_REPOSITORY is not set"):
        read_workflow({"GITHUB_EVENT_PATH": "x"})


def workflow_in(folder: Path, base: str) -> tuple[Any, PullPart]:
    """A workflow whose workspace is a folder, and its pull request."""
    environment = {
        "GITHUB_EVENT_PATH": "x",
        "GITHUB_REPOSITORY": REPO,
        "GITHUB_TOKEN": "x",
        "GITHUB_WORKSPACE": str(folder),
    }
    (folder / "event.json").write_text(json.dumps(event(base=base)))
    pull = read_event(folder / "event.json").pull_request
    assert pull is not None
    return read_workflow(environment), pull


def test_settings_are_those_of_the_base_commit(tmp_path: Path) -> None:
    tiny = TinyGit(tmp_path / "repo")
    base = tiny.commit({"postil.toml": "[review]\nmax_comments = 1\n"})
    tiny.commit({"postil.toml": '[review]\nmode = "comment"\nmax_comments = 99\n'})
    settings, origin = base_settings(*workflow_in(tiny.folder, base), "postil.toml")
    assert (settings.review.max_comments, settings.review.mode) == (1, "shadow")
    assert origin == "settings: postil.toml"
    found = base_settings(*workflow_in(tiny.folder, base), "other.toml")
    assert found == (Settings(), "default settings: there is no other.toml at the base commit")


def test_without_the_base_commit_defaults_hold(tmp_path: Path) -> None:
    tiny = TinyGit(tmp_path / "repo")
    tiny.commit({"postil.toml": "[review]\nmax_comments = 99\n"})
    settings, origin = base_settings(*workflow_in(tiny.folder, "1" * 40), "postil.toml")
    assert settings == Settings() and "fetch-depth: 2" in origin
    bare = tmp_path / "bare"
    bare.mkdir()
    assert base_settings(*workflow_in(bare, "1" * 40), "postil.toml")[0] == Settings()
    (bare / ".git").write_text("nonsense")
    assert base_settings(*workflow_in(bare, "1" * 40), "postil.toml")[0] == Settings()


def test_wrong_settings_at_the_base_are_named(tmp_path: Path) -> None:
    tiny = TinyGit(tmp_path / "repo")
    base = tiny.commit({"postil.toml": "[review]\nmax_coments = 1\n"})
    with pytest.raises(ConfigError, match=r"did you mean review\.max_comments"):
        base_settings(*workflow_in(tiny.folder, base), "postil.toml")


def test_the_marker_key_is_the_same_in_every_run_of_a_repository() -> None:
    assert marker_key({}, "Team/Shop") == marker_key({}, "team/shop")
    keys = [
        marker_key({}, "team/shop"),
        marker_key({}, "team/other"),
        marker_key({"POSTIL_MARKER_KEY": "a"}, "team/shop"),
        marker_key({"POSTIL_WEBHOOK_SECRET": "b"}, "team/shop"),
    ]
    assert len(set(keys)) == 4
    both = {"POSTIL_MARKER_KEY": "a", "POSTIL_WEBHOOK_SECRET": "b"}
    assert marker_key(both, "team/shop") == keys[2]


def test_an_error_cannot_start_another_command() -> None:
    assert error_command("a\n::set-output::%") == "::error title=Postil::a%0A::set-output::%25"


def test_a_pull_request_from_the_command_line(
    tiny_home: TinyHome, served: Served, fake: FakeGitHub, tmp_path: Path
) -> None:
    """The settings that lie in the folder may not send the token to another host."""
    (tmp_path / "postil.toml").write_text(
        '[review]\nmode = "comment"\n[server]\napi_url = "https://evil.example"\n'
    )
    more = {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": served.url}
    done = tiny_home.run("review", "--pr", f"{REPO}#7", cwd=tmp_path, more=more)
    assert done.stderr == "posted one review with 1 line comments\n"
    assert "Log it instead" in done.stdout
    assert len(fake.ours(REPO, 7)) == 1


def test_a_dry_run_posts_nothing(
    tiny_home: TinyHome, served: Served, fake: FakeGitHub, tmp_path: Path
) -> None:
    (tmp_path / "postil.toml").write_text('[review]\nmode = "comment"\n')
    more = {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": served.url, "POSTIL_HOME": str(tmp_path)}
    options = ("review", "--pr", f"{REPO}#7", "--dry-run")
    done = tiny_home.run(*options, cwd=tmp_path, more=more)
    assert done.stderr == "nothing posted: dry run\n" and fake.posts() == []
    assert "no adapter is promoted" in done.stdout
