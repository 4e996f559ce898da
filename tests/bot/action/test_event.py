"""What an event asks for, whatever stands in it."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.action.event import AfterRun, Nothing, ObeyComment, ReviewPull, read_event, what_is_asked
from postil.errors import PayloadError, UsageError
from tests.bot.action.runner import comment_event, pull_event, run_event
from tests.bot.fake_pulls import HEAD, REPO, SHARED, need_shared


def asked(name: str, event: object, number: str = "") -> object:
    """What our reader makes of it."""
    return what_is_asked(name, read_event(json.dumps(event).encode(), "x"), REPO, number)


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target"])
def test_a_pull_request_is_reviewed_and_a_fork_is_known(name: str) -> None:
    assert asked(name, pull_event()) == ReviewPull(number=7, fork=False)
    assert asked(name, pull_event(fork="Team/Shop")) == ReviewPull(number=7, fork=False)
    assert asked(name, pull_event(fork="somebody/shop")) == ReviewPull(number=7, fork=True)
    gone = pull_event(head={"sha": HEAD, "repo": None})
    assert asked(name, gone) == ReviewPull(number=7, fork=True)


def test_a_comment_is_obeyed_for_whoever_wrote_it() -> None:
    assert asked("issue_comment", comment_event("/postil review")) == ObeyComment(
        number=7, login="ada", command="review"
    )
    bot = comment_event("/postil review")
    bot["comment"]["user"]["type"] = "Bot"
    assert asked("issue_comment", bot) == Nothing(reason="the comment is a bot's")


def test_a_run_is_followed_only_if_it_was_of_a_pull_request() -> None:
    assert asked("workflow_run", run_event()) == AfterRun(
        run=5, head_sha=HEAD, head_repo="somebody/shop", head_branch="name-prices"
    )
    assert isinstance(asked("workflow_run", run_event(event="push")), Nothing)
    assert isinstance(asked("workflow_run", run_event(head_repository=None)), Nothing)


@pytest.mark.parametrize("number", ["x", "7; id", "-1", "0", "７", "99999999999", "7 8"])
def test_a_number_is_a_number(number: str) -> None:
    with pytest.raises(UsageError, match="must be the number of a pull request"):
        asked("push", {}, number)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"action": 3}', b"\xff", b'{"a":'])
def test_what_is_no_event_file_is_said(content: bytes) -> None:
    with pytest.raises(PayloadError, match="not an event file"):
        read_event(content, "event.json")


def test_real_events_are_read() -> None:
    need_shared()
    for kind in ("pull_request", "issue_comment"):
        examples = json.loads((SHARED / f"webhooks/{kind}.json").read_bytes())["examples"]
        found = [asked(kind, example) for example in examples]
        assert found and all(isinstance(one, ReviewPull | ObeyComment | Nothing) for one in found)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        event = read_event(content, "x")
    except PayloadError:
        return
    assert msgspec.structs.asdict(event).keys() >= {"pull_request"}
