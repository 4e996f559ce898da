"""`postil action`, as a workflow runs it: an event file, a (fake) GitHub, a tiny real adapter."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.action.job import marker_key
from bot.action.workflow import error_command, inert, read_workflow
from postil.errors import ConfigError, HostingError, UsageError
from tests.bot.action.runner import BASE, FORBIDDEN, Runner, comment_event, pull_event
from tests.bot.fake_pulls import DIFF, NEXT_HEAD, REPO
from tests.bot.tiny_home import TinyHome
from tests.github_fake import TOKEN, FakeGitHub, Served
from tests.github_repository import FakeRepository

POSTED = "posted one review with 1 line comment"


def test_an_opened_pull_request_gets_one_review_and_a_second_run_adds_nothing(
    runner: Runner, fake: FakeGitHub, tiny_home: TinyHome
) -> None:
    more = runner.environment(pull_event())
    done = tiny_home.run("action", "--mode", "comment", cwd=runner.workspace, more=more)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.startswith(POSTED)
    (review,) = fake.ours(REPO, 7)
    (comment,) = fake.pulls[REPO, 7].comments
    assert review["state"] == "COMMENTED" and comment["line"] in (10, 11, 12, 13, 14)
    assert "Log it instead of printing it, please." in comment["body"]
    outputs = runner.outputs()
    report = json.loads(Path(outputs.pop("report")).read_text())
    assert report["schema"] == 1 and len(report["findings"]) == 1
    assert json.loads(Path(outputs.pop("sarif")).read_text())["version"] == "2.1.0"
    assert outputs == {
        "adapter": tiny_home.quoting.name,
        "findings": "1",
        "reviewed": "1",
        "skipped": "0",
        "posted": "true",
        "result": "",
    }
    assert POSTED in runner.summary() and "| line | remark |" in runner.summary()
    posts = len(fake.posts())
    assert "this head was reviewed before" in runner.act(pull_event("synchronize"))
    assert len(fake.posts()) == posts


def test_after_a_push_only_what_is_new_is_said(runner: Runner, fake: FakeGitHub) -> None:
    assert runner.act(pull_event()).startswith(POSTED)
    fake.pulls[REPO, 7].push(NEXT_HEAD, DIFF)
    assert not runner.act(pull_event("synchronize")).startswith("posted")
    assert len(fake.ours(REPO, 7)) == 1


def test_without_a_mode_a_new_repository_gets_the_summary_alone(
    runner: Runner, fake: FakeGitHub
) -> None:
    assert runner.act(pull_event(), mode=None).startswith("nothing is posted")
    assert "Sum it elsewhere." in runner.summary()
    assert "default settings" in runner.summary()
    assert runner.outputs()["posted"] == "false" and fake.posts() == []


def test_annotations_stand_on_the_lines(runner: Runner, fake: FakeGitHub) -> None:
    assert runner.act(pull_event(), mode="annotate") == "annotated: 1 lines"
    assert runner.log[0].startswith("::warning file=shop/cart.py,title=Postil%2C probability")
    assert (
        runner.log[0].endswith("(Line 11 before the change.) Sum it elsewhere.")
        and fake.posts() == []
    )


def test_sarif_goes_into_a_file_alone(runner: Runner, fake: FakeGitHub) -> None:
    assert runner.act(pull_event(), mode="sarif").startswith("nothing is posted")
    sarif = json.loads(Path(runner.outputs()["sarif"]).read_text())
    assert len(sarif["runs"][0]["results"]) == 1 and fake.posts() == []


def test_a_dry_run_shows_the_review_where_no_command_is_looked_for(
    runner: Runner, fake: FakeGitHub
) -> None:
    done = runner.act(pull_event(), mode="dry-run")
    assert done == "dry run: one review with 1 line comments would be posted"
    shown = runner.log[0].split("\n")
    assert shown[0].startswith("::stop-commands::")
    assert shown[-1] == f"::{shown[0].removeprefix('::stop-commands::')}::"
    assert "Sum it elsewhere." in shown and fake.posts() == []
    runner.act(pull_event())
    assert "would be posted" in runner.act(pull_event(), mode="dry-run")


@pytest.mark.parametrize("mode", ["comment", "annotate", "sarif"])
def test_an_adapter_that_may_not_speak_is_in_the_summary_alone(
    runner: Runner, fake: FakeGitHub, mode: str
) -> None:
    assert "was not promoted to speak" in runner.act(pull_event(), mode=mode, shadow=True)
    assert "Sum it elsewhere." in runner.summary()
    assert not any(line.startswith("::") for line in runner.log)
    sarif = json.loads(Path(runner.outputs()["sarif"]).read_text())
    assert sarif["runs"][0]["results"] == []
    assert runner.outputs()["posted"] == "false" and fake.posts() == []


def test_an_adapter_below_the_wanted_precision_says_nothing(
    runner: Runner, fake: FakeGitHub
) -> None:
    done = runner.act(pull_event(), min_precision=0.6)
    assert done == (
        "nothing is said: the adapter's precision is not measured, and min-precision is 0.60"
    )
    assert "Sum it elsewhere." not in runner.summary() and fake.posts() == []


def test_fail_on_fails_the_job_after_everything_was_said(runner: Runner, fake: FakeGitHub) -> None:
    line = runner.act(pull_event(), fail_on=0.5)
    assert line == "::error title=Postil::fail-on: 1 remark of probability 0.5 or more"
    assert runner.failed and runner.outputs()["posted"] == "true"
    runner.act(pull_event(), fail_on=0.999)
    assert not runner.failed
    runner.act(pull_event(), fail_on=0.0, shadow=True)
    assert not runner.failed


def test_no_comments_at_all_may_be_asked_for(runner: Runner, fake: FakeGitHub) -> None:
    assert "nothing to say" in runner.act(pull_event(), max_comments=0)
    assert not fake.ours(REPO, 7)


def test_on_a_fork_a_refused_post_becomes_annotations_and_a_result(
    runner: Runner, fake: FakeGitHub
) -> None:
    fake.fail("POST", "/", status=403, body=FORBIDDEN, times=9)
    fake.fail("GET", "^/user$", status=403, body=FORBIDDEN)
    done = runner.act(pull_event(fork="somebody/shop"))
    assert "may only read" in done
    assert runner.log[0].startswith("::warning file=shop/cart.py,")
    assert "Sum it elsewhere." in runner.summary() and runner.outputs()["posted"] == "false"
    kept = json.loads(Path(runner.outputs()["result"]).read_text())
    assert kept["pull"] == 7 and kept["findings"][0]["message"] == "Sum it elsewhere."


def test_a_pull_request_of_dependabot_has_a_token_like_a_forks(
    runner: Runner, fake: FakeGitHub
) -> None:
    fake.fail("POST", "/", status=403, body=FORBIDDEN, times=9)
    assert "may only read" in runner.act(pull_event(), actor="dependabot[bot]")


def test_a_refused_post_of_our_own_branch_names_the_permission(
    runner: Runner, fake: FakeGitHub
) -> None:
    fake.fail("POST", "/reviews$", status=403, body=FORBIDDEN)
    with pytest.raises(HostingError, match="add `pull-requests: write` under `permissions:`"):
        runner.act(pull_event())
    assert not (runner.folder / "output").exists()


def test_a_closed_pull_request_is_left_alone(runner: Runner, fake: FakeGitHub) -> None:
    fake.pulls[REPO, 7].pull["state"] = "closed"
    assert "the pull request is closed" in runner.act(pull_event())


def test_clean_code_draws_no_review(runner: Runner, fake: FakeGitHub) -> None:
    fake.pulls[REPO, 7].diff = DIFF.replace("sum(", "max(")
    assert "nothing to say" in runner.act(pull_event())
    assert not fake.ours(REPO, 7)


def test_settings_are_those_of_the_base_commit(
    runner: Runner, fake: FakeGitHub, repository: FakeRepository
) -> None:
    repository.put(BASE, {"postil.toml": '[review]\nmode = "comment"\n'})
    (runner.workspace / "postil.toml").write_text("[review]\nmax_comments = 0\n")
    assert runner.act(pull_event(), mode=None).startswith(POSTED)
    assert "settings: postil.toml" in runner.summary()


def test_a_comment_of_somebody_with_write_access_is_obeyed(
    runner: Runner, fake: FakeGitHub, repository: FakeRepository
) -> None:
    asked = comment_event("/postil review")
    assert "no write access" in runner.act(asked, "issue_comment")
    assert fake.posts() == [] and "::notice" in runner.log[0]
    repository.permissions["ada"] = "write"
    assert runner.act(asked, "issue_comment").startswith(POSTED)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (comment_event("nice"), "the comment holds no command"),
        (comment_event("/postil help"), "the command that the Action knows is /postil review"),
        (comment_event("/postil pause"), "/postil pause is a command of the server"),
        (comment_event("/postil review", issue={"number": 3}), "on an issue, not on a pull"),
        (comment_event("/postil review", action="edited"), "when a comment is edited"),
    ],
)
def test_other_comments_change_nothing(
    runner: Runner, fake: FakeGitHub, event: dict[str, Any], reason: str
) -> None:
    assert reason in runner.act(event, "issue_comment")
    assert fake.requests == [] and reason in runner.summary()


def test_who_may_ask_is_not_guessed_where_the_host_does_not_say(
    runner: Runner, fake: FakeGitHub
) -> None:
    fake.fail("GET", "/permission$", status=403, body=FORBIDDEN)
    assert "no write access" in runner.act(comment_event("/postil review"), "issue_comment")


def test_a_number_may_be_given_by_hand(runner: Runner, fake: FakeGitHub) -> None:
    by_hand = {"inputs": {"pull-request": "7"}}
    assert runner.act(by_hand, "workflow_dispatch").startswith(POSTED)
    assert "reviewed before" in runner.act({}, "push", pull_request="#7")


def test_in_a_merge_queue_nothing_is_done(runner: Runner, fake: FakeGitHub) -> None:
    done = runner.act({"action": "checks_requested"}, "merge_group")
    assert done.startswith("::notice title=Postil::in a merge queue")
    assert fake.requests == [] and runner.outputs()["posted"] == "false"


@pytest.mark.parametrize(
    ("name", "event", "reason"),
    [
        ("push", {"ref": "refs/heads/main"}, "the event push is of no pull request"),
        ("pull_request", {}, "there is no pull_request in the event file"),
        ("workflow_dispatch", {"inputs": {}}, "give workflow_dispatch an input pull-request"),
        ("workflow_dispatch", {"inputs": {"number": "7; id"}}, "must be the number"),
    ],
)
def test_an_event_without_a_pull_request_is_wrong_use(
    runner: Runner, name: str, event: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        runner.act(event, name)


def test_what_is_closed_a_draft_or_left_out_by_settings_is_left_alone(
    runner: Runner, fake: FakeGitHub, repository: FakeRepository
) -> None:
    assert "when a pull request is closed" in runner.act(pull_event("closed"))
    assert fake.requests == []
    fake.pulls[REPO, 7].pull["draft"] = True
    assert "the pull request is a draft" in runner.act(pull_event())
    fake.pulls[REPO, 7].pull["draft"] = False
    repository.put(BASE, {"postil.toml": '[review]\nskip_authors = ["ada"]\n'})
    assert "review.skip_authors" in runner.act(pull_event())
    assert fake.posts() == []


def test_a_draft_is_reviewed_when_asked_for_by_number(runner: Runner, fake: FakeGitHub) -> None:
    fake.pulls[REPO, 7].pull["draft"] = True
    assert runner.act({}, "push", pull_request="7").startswith(POSTED)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="GITHUB_EVENT_PATH is not set"):
        read_workflow({"GITHUB_EVENT_NAME": "x"})


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
    words = {inert("x").split("\n")[0] for _ in range(3)}
    assert len(words) == 3


def test_a_pull_request_from_the_command_line(
    memory_home: TinyHome, served: Served, fake: FakeGitHub, tmp_path: Path
) -> None:
    """The settings that lie in the folder may not send the token to another host."""
    (tmp_path / "postil.toml").write_text(
        '[review]\nmode = "comment"\n[server]\napi_url = "https://evil.example"\n'
    )
    more = {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": served.url}
    done = memory_home.run("review", "--pr", f"{REPO}#7", cwd=tmp_path, more=more)
    assert done.stderr.startswith(POSTED)
    assert "Log it instead" in done.stdout
    assert len(fake.ours(REPO, 7)) == 1


def test_a_dry_run_posts_nothing(
    memory_home: TinyHome, served: Served, fake: FakeGitHub, tmp_path: Path
) -> None:
    (tmp_path / "postil.toml").write_text('[review]\nmode = "comment"\n')
    more = {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": served.url, "POSTIL_HOME": str(tmp_path)}
    options = ("review", "--pr", f"{REPO}#7", "--dry-run")
    done = memory_home.run(*options, cwd=tmp_path, more=more)
    assert done.stderr == "nothing posted: dry run\n" and fake.posts() == []
    assert "no adapter is promoted" in done.stdout
