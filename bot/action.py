"""`postil action`: inside a GitHub workflow, from the event file to one review.

The settings are read from the commit the pull request is based on, never from its own files. On
a fork's pull request the token may only read; what would have been said stands in the summary.
Errors are workflow commands (`::error::`), so that they show on the run's page.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bot.hosts.github import GitHubPulls
from bot.one_pull import PullReview, post_pull, read_pull
from bot.render import render_summary
from bot.reviewers import AdapterReviewer, OpenModel
from mining.clients import PUBLIC_API
from mining.repository import open_repository
from postil.errors import ConfigError, HostingError, PayloadError, SourceError
from postil.records import Record
from postil.settings import Settings, parse_settings

ACTIONS = ("opened", "synchronize", "reopened", "ready_for_review")
WORKFLOW_ACCOUNT = "github-actions[bot]"
"""Who a workflow's own token posts as; it may not ask."""


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
    draft: bool = False


class Event(msgspec.Struct):
    """What is read of the event file."""

    action: str = ""
    pull_request: PullPart | None = None


class Workflow(Record, frozen=True, kw_only=True):
    """The run we are in, by its environment."""

    repo: str
    token: str
    api_url: str
    event: Path
    workspace: Path | None
    summary: Path | None
    output: Path | None


def read_workflow(environment: Mapping[str, str]) -> Workflow:
    """The run we are in; ConfigError naming the variable that is missing."""
    for name in ("GITHUB_EVENT_PATH", "GITHUB_REPOSITORY", "GITHUB_TOKEN"):
        if not environment.get(name):
            raise ConfigError(f"{name} is not set: postil action runs inside a GitHub workflow")
    return Workflow(
        repo=environment["GITHUB_REPOSITORY"],
        token=environment["GITHUB_TOKEN"],
        api_url=environment.get("GITHUB_API_URL") or PUBLIC_API,
        event=Path(environment["GITHUB_EVENT_PATH"]),
        workspace=_path(environment, "GITHUB_WORKSPACE"),
        summary=_path(environment, "GITHUB_STEP_SUMMARY"),
        output=_path(environment, "GITHUB_OUTPUT"),
    )


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    return Path(environment[name]) if environment.get(name) else None


def read_event(path: Path) -> Event:
    """The event file; PayloadError where it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Event)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PayloadError(f"{path}: not an event file: {error}") from error


def marker_key(environment: Mapping[str, str], repo: str) -> bytes:
    """The key that signs our markers in a workflow, the same in every run of a repository.

    POSTIL_MARKER_KEY where it is set, else derived from the webhook secret, else from the
    repository's name. The last is no secret: it keeps a marker whole, and whoever knows how can
    forge one. That is enough, because a marker counts only on comments of our own account, which
    the poster checks first.
    """
    seed = environment.get("POSTIL_MARKER_KEY") or environment.get("POSTIL_WEBHOOK_SECRET")
    return hashlib.sha256(f"postil marker key {seed or repo.lower()}".encode()).digest()


def base_settings(workflow: Workflow, pull: PullPart, name: str) -> tuple[Settings, str]:
    """The settings at the commit the pull request is based on, and where they are from."""
    if workflow.workspace is None or not (workflow.workspace / ".git").exists():
        return Settings(), "default settings: the repository is not checked out"
    try:
        with open_repository(workflow.workspace) as repository:
            if not repository.has(pull.base.sha):
                return Settings(), (
                    "default settings: the checkout does not hold the base commit"
                    " (actions/checkout with fetch-depth: 2 does)"
                )
            lines = repository.lines(pull.base.sha, name)
    except SourceError as error:
        return Settings(), f"default settings: {error}"
    if lines is None:
        return Settings(), f"default settings: there is no {name} at the base commit"
    return parse_settings("\n".join(lines), f"{name} at the base commit"), f"settings: {name}"


def open_pulls(workflow: Workflow, key: bytes, account: str) -> GitHubPulls:
    """The pull requests of this run's repository, as the account the token belongs to."""
    pulls = GitHubPulls(
        workflow.repo, workflow.token, key, account=account, base_url=workflow.api_url
    )
    if account:
        return pulls
    try:
        pulls.account()
        return pulls
    except HostingError as error:
        pulls.close()
        if not error.lasting:
            raise
    return open_pulls(workflow, key, WORKFLOW_ACCOUNT)


def act(
    workflow: Workflow,
    settings: Settings,
    pull: PullPart,
    reader: AdapterReviewer,
    key: bytes,
    *,
    post: bool,
) -> tuple[PullReview, str]:
    """Review the event's pull request, post it where `post`; what was done, in words."""
    pulls = open_pulls(workflow, key, settings.server.account)
    try:
        read = read_pull(pulls, pull.number, reader)
        if not post:
            return read, "shadow mode: nothing is posted"
        try:
            return read, post_pull(pulls, read, reader, key)
        except HostingError as error:
            if not (error.lasting and is_fork(workflow, pull)):
                raise
            return read, f"nothing posted: on a fork's pull request the token may not ({error})"
    finally:
        pulls.close()


def is_fork(workflow: Workflow, pull: PullPart) -> bool:
    """Whether the change comes from another repository."""
    return pull.head.repo is None or pull.head.repo.full_name.lower() != workflow.repo.lower()


def idle_reason(event: Event) -> str:
    """Why there is nothing to do for an event; "" if there is."""
    if event.pull_request is None:
        return "this event is not of a pull request"
    if event.action and event.action not in ACTIONS:
        return f"nothing to do when a pull request is {event.action}"
    return "the pull request is a draft" if event.pull_request.draft else ""


def report(workflow: Workflow, read: PullReview, detail: str, origin: str) -> None:
    """Write the job's summary and the step's outputs."""
    heading = f"pull request {read.head.number}"
    text = render_summary(read.reviewed, read.placed, heading, f"{detail}\n\n{origin}")
    _append(workflow.summary, text)
    outputs = {
        "adapter": read.reviewed.adapter,
        "findings": len(read.reviewed.findings),
        "reviewed": len(read.reviewed.reviewed),
        "skipped": len(read.reviewed.skipped),
        "posted": str(detail.startswith("posted")).lower(),
    }
    _append(workflow.output, "".join(f"{key}={value}\n" for key, value in outputs.items()))


def error_command(message: str) -> str:
    """A workflow command that shows an error; its text cannot start another command."""
    escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::error title=Postil::{escaped}"


def run_action(
    environment: Mapping[str, str],
    home: Path,
    open_adapter: OpenModel,
    *,
    adapter: str = "",
    mode: str = "",
    config: str = "postil.toml",
) -> str:
    """Do all of it; what was done, in one line. Inputs left empty follow the settings."""
    workflow = read_workflow(environment)
    event = read_event(workflow.event)
    if idle := idle_reason(event):
        return idle
    pull = event.pull_request
    assert pull is not None  # noqa: S101 - or it would be idle
    settings, origin = base_settings(workflow, pull, config)
    key = marker_key(environment, workflow.repo)
    reader = AdapterReviewer(settings.review, home, open_adapter, key, adapter=adapter)
    try:
        post = (mode or settings.review.mode) == "comment"
        read, detail = act(workflow, settings, pull, reader, key, post=post)
    finally:
        reader.close()
    report(workflow, read, detail, origin)
    return detail


def _append(path: Path | None, text: str) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
