"""The event file of a workflow -> what is asked of us. Pure.

The event is GitHub's; the texts in it are anybody's. Nothing is read from it but numbers, ids,
names of accounts and branches, and the body of a comment that may be a command.
"""

import msgspec

from bot.door.commands_in_comments import Command, read_command
from postil.errors import PayloadError, UsageError
from postil.records import Record

ACTIONS = ("opened", "synchronize", "reopened", "ready_for_review")
PULL_EVENTS = ("pull_request", "pull_request_target")
NUMBER_INPUTS = ("pull-request", "pull_request", "number")
"""Inputs of `workflow_dispatch` in which a number is looked for."""


class RepositoryPart(msgspec.Struct):
    """A repository in the event."""

    full_name: str


class BranchPart(msgspec.Struct):
    """Head or base of the pull request; the repository of a deleted fork is null."""

    sha: str
    repo: RepositoryPart | None = None


class PullPart(msgspec.Struct):
    """`pull_request` of the event."""

    number: int
    head: BranchPart
    base: BranchPart


class AccountPart(msgspec.Struct):
    """Who did it."""

    login: str
    type: str = ""


class CommentPart(msgspec.Struct):
    """`comment` of the event."""

    body: str
    user: AccountPart


class IssuePart(msgspec.Struct):
    """`issue` of the event; of a pull request if it says so."""

    number: int
    pull_request: dict[str, object] | None = None


class RunPart(msgspec.Struct):
    """`workflow_run` of the event: the run that has ended."""

    id: int
    event: str
    head_sha: str
    head_branch: str | None = None
    head_repository: RepositoryPart | None = None


class Event(msgspec.Struct):
    """What is read of the event file."""

    action: str = ""
    pull_request: PullPart | None = None
    issue: IssuePart | None = None
    comment: CommentPart | None = None
    workflow_run: RunPart | None = None
    inputs: dict[str, object] | None = None


class ReviewPull(Record, frozen=True, kw_only=True):
    """Review a pull request. `fork` is None where it was asked for by number."""

    number: int
    fork: bool | None = None


class ObeyComment(Record, frozen=True, kw_only=True):
    """Review because somebody asked for it; whether they may is not known yet."""

    number: int
    login: str
    command: Command


class AfterRun(Record, frozen=True, kw_only=True):
    """Go on after another workflow's run on a pull request."""

    run: int
    head_sha: str
    head_repo: str
    head_branch: str


class Nothing(Record, frozen=True, kw_only=True):
    """There is nothing to do, and why."""

    reason: str


Asked = ReviewPull | ObeyComment | AfterRun | Nothing


def read_event(content: bytes, where: str) -> Event:
    """Read the event file; PayloadError where it is none."""
    try:
        return msgspec.json.decode(content, type=Event)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PayloadError(f"{where}: not an event file: {error}") from error


def what_is_asked(name: str, event: Event, repo: str, number: str = "") -> Asked:
    """What to do for an event of a repository; `number` is the input that names a pull request.

    Raises UsageError for an event that tells of no pull request.
    """
    if name == "merge_group":
        return Nothing(reason="in a merge queue nothing is reviewed: it was in its pull requests")
    if number:
        return ReviewPull(number=_number(number, "the input pull-request"))
    if name in PULL_EVENTS:
        return _of_pull(event, repo)
    if name == "issue_comment":
        return _of_comment(event)
    if name == "workflow_run":
        return _of_run(event)
    if name == "workflow_dispatch":
        return _of_dispatch(event)
    raise UsageError(
        f"the event {name} is of no pull request: run Postil on pull_request, or give it a number"
        " as the input pull-request"
    )


def _of_pull(event: Event, repo: str) -> Asked:
    pull = event.pull_request
    if pull is None:
        raise UsageError("there is no pull_request in the event file")
    if event.action and event.action not in ACTIONS:
        return Nothing(reason=f"nothing to do when a pull request is {event.action}")
    head = pull.head.repo
    fork = head is None or head.full_name.lower() != repo.lower()
    return ReviewPull(number=pull.number, fork=fork)


def _of_comment(event: Event) -> Asked:
    if event.issue is None or event.comment is None:
        raise UsageError("there is no issue and comment in the event file")
    if event.issue.pull_request is None:
        return Nothing(reason="the comment is on an issue, not on a pull request")
    if event.action != "created":
        return Nothing(reason=f"nothing to do when a comment is {event.action}")
    if event.comment.user.type == "Bot":
        return Nothing(reason="the comment is a bot's")
    command = read_command(event.comment.body)
    if command is None:
        return Nothing(reason="the comment holds no command")
    login = event.comment.user.login
    return ObeyComment(number=event.issue.number, login=login, command=command)


def _of_run(event: Event) -> Asked:
    run = event.workflow_run
    if run is None:
        raise UsageError("there is no workflow_run in the event file")
    if run.event != "pull_request":
        return Nothing(reason=f"the run before was of the event {run.event}")
    if run.head_repository is None or not run.head_branch:
        return Nothing(reason="the fork that the run before was of is gone")
    return AfterRun(
        run=run.id,
        head_sha=run.head_sha,
        head_repo=run.head_repository.full_name,
        head_branch=run.head_branch,
    )


def _of_dispatch(event: Event) -> Asked:
    inputs = event.inputs or {}
    for name in NUMBER_INPUTS:
        if inputs.get(name):
            return ReviewPull(number=_number(str(inputs[name]), f"inputs.{name}"))
    raise UsageError("no pull request in the event: give workflow_dispatch an input pull-request")


def _number(text: str, what: str) -> int:
    digits = text.strip().removeprefix("#")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 10 or int(digits) < 1:
        raise UsageError(f"{what} must be the number of a pull request, not {text[:40]!r}")
    return int(digits)
