"""What goes wrong is one `::error::` line, the right exit code, and stands in the summary."""

import re
from typing import Any

import pytest

from tests.bot.action.runner import BASE, FORBIDDEN, Runner, pull_event
from tests.bot.fake_pulls import REPO
from tests.bot.tiny_home import TinyHome
from tests.github_fake import FakeGitHub
from tests.github_repository import FakeRepository

LIMITED = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"}


def refused(
    runner: Runner,
    memory_home: TinyHome,
    code: int,
    *options: str,
    event: dict[str, Any] | None = None,
    name: str = "pull_request",
    **more: str,
) -> str:
    """What the command says when it fails with this code; its only line."""
    environment = runner.environment(pull_event() if event is None else event, name) | more
    arguments = ("action", "--mode", "comment", *options)
    done = memory_home.run(*arguments, cwd=runner.workspace, more=environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [text for text in done.stdout.splitlines() if text.startswith("::")]
    assert line.startswith("::error title=Postil::")
    assert runner.summary().startswith("## Postil: nothing was reviewed\n")
    return line


def test_a_missing_permission_is_named_by_its_line(
    runner: Runner, memory_home: TinyHome, fake: FakeGitHub, repository: FakeRepository
) -> None:
    fake.fail("GET", "/pulls/7$", status=403, body=FORBIDDEN)
    assert "add `pull-requests: read` under `permissions:`" in refused(runner, memory_home, 1)
    fake.fail("GET", "/contents/", status=403, body=FORBIDDEN)
    assert "add `contents: read` under `permissions:`" in refused(runner, memory_home, 1)
    fake.fail("POST", "/reviews$", status=403, body=FORBIDDEN)
    assert "add `pull-requests: write` under `permissions:`" in refused(runner, memory_home, 1)


def test_a_missing_adapter_is_said(
    runner: Runner, memory_home: TinyHome, repository: FakeRepository
) -> None:
    line = refused(runner, memory_home, 1, "--adapter", ".postil/adapter")
    assert "there is no folder .postil/adapter on the base branch" in line
    line = refused(runner, memory_home, 1, "--adapter", f"{REPO}@v9")
    assert "there is no release team/shop@v9 that the token sees" in line
    line = refused(runner, memory_home, 1, "--adapter", "artifact:adapter")
    assert "no artifact adapter of a successful run on main" in line
    line = refused(runner, memory_home, 1, "--adapter", "/nowhere")
    assert "there is no card.json in that folder of the runner" in line


def test_a_wrong_sha256_is_said(
    runner: Runner, memory_home: TinyHome, repository: FakeRepository
) -> None:
    repository.downloads["a.zip"] = b"something else"
    where = f"{repository.download_url}/a.zip#sha256={'0' * 64}"
    line = refused(runner, memory_home, 1, "--adapter", where)
    assert re.search(rf"sha256 is [0-9a-f]{{64}}, not {'0' * 64}; nothing is used", line)


def test_no_pull_request_in_the_event_is_wrong_use(runner: Runner, memory_home: TinyHome) -> None:
    line = refused(runner, memory_home, 2, event={"ref": "refs/heads/main"}, name="push")
    assert "the event push is of no pull request" in line
    line = refused(runner, memory_home, 2, event={})
    assert "there is no pull_request in the event file" in line


def test_a_token_of_another_repository_or_of_none_is_said(
    runner: Runner, memory_home: TinyHome, fake: FakeGitHub
) -> None:
    line = refused(runner, memory_home, 1, GITHUB_REPOSITORY="team/other")
    assert "team/other#7: cannot read the pull request: 404 not found, or the token may not" in line
    line = refused(runner, memory_home, 1, GITHUB_TOKEN="expired")
    assert "401 the token is not accepted" in line and "expired" not in line


def test_a_rate_limit_at_the_start_is_not_waited_for(
    runner: Runner, memory_home: TinyHome, fake: FakeGitHub
) -> None:
    fake.fail("GET", "/pulls/7$", status=403, headers=LIMITED)
    assert "GitHub limits our rate; again in" in refused(runner, memory_home, 1)


def test_wrong_settings_at_the_base_are_named(
    runner: Runner, memory_home: TinyHome, repository: FakeRepository
) -> None:
    repository.put(BASE, {"postil.toml": "[review]\nmax_coments = 1\n"})
    line = refused(runner, memory_home, 2)
    assert "postil.toml at the base commit: unknown key review.max_coments; did you mean" in line


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--mode", "shout"), "mode: 'shout' is none of comment, annotate"),
        (("--max-comments", "many"), "max-comments: 'many' is not a number"),
        (("--max-comments", "-1"), "max-comments: -1 is not from 0 to 100"),
        (("--min-precision", "60"), "min-precision: 60 is not from 0 to 1"),
        (("--min-precision", "nan"), "min-precision: nan is not from 0 to 1"),
        (("--fail-on", "sometimes"), "expected never, any or a probability"),
        (("--config", "../postil.toml"), "expected a path inside the repository"),
        (("--adapter", "https://example.org/a.zip"), "must end in #sha256="),
        (("--pull-request", "$(id)"), "must be the number of a pull request"),
        (("--engine", "abacus"), "engine"),
    ],
)
def test_wrong_inputs_are_wrong_use(
    runner: Runner, memory_home: TinyHome, options: tuple[str, str], reason: str
) -> None:
    assert reason in refused(runner, memory_home, 2, *options)


def test_outside_of_a_workflow_one_line_says_so(memory_home: TinyHome, runner: Runner) -> None:
    done = memory_home.run("action", cwd=runner.workspace)
    assert done.returncode == 2
    assert done.stdout == (
        "::error title=Postil::GITHUB_EVENT_NAME is not set:"
        " postil action runs inside a GitHub workflow\n"
    )
