"""A signed webhook body -> what is to be done about it. Pure.

Of each event only what stands here is read. GitHub's words and Forgejo's are understood.
"""

from typing import Annotated

import msgspec

from bot.door.commands_in_comments import read_command
from bot.door.delivery import CLOSED, Delivery
from postil.records import Record

PULL_ACTIONS = ("opened", "synchronize", "synchronized", "reopened", "ready_for_review", CLOSED)
"""`synchronized` is how Forgejo says `synchronize`."""
BACK_ACTIONS = ("created", "unsuspend", "new_permissions_accepted", "added")
"""After these an installation can do again what it could not."""
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading JSON may raise: wrong shape, broken text, brackets without end."""

RepoName = Annotated[str, msgspec.Meta(pattern=r"^[\w.-]{1,90}/[\w.-]{1,100}$")]
Number = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]


class HeadPart(msgspec.Struct):
    """`head` of a pull request."""

    sha: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40,64}$")]


class PullPart(msgspec.Struct):
    """`pull_request` of the event."""

    head: HeadPart


class RepositoryPart(msgspec.Struct):
    """`repository` of the event."""

    full_name: RepoName


class PullEvent(msgspec.Struct):
    """A `pull_request` event."""

    action: str
    number: Number
    pull_request: PullPart
    repository: RepositoryPart


class UserPart(msgspec.Struct):
    """An account; Forgejo gives it no type."""

    login: Annotated[str, msgspec.Meta(max_length=100)]
    type: str = "User"


class CommentPart(msgspec.Struct):
    """`comment` of the event."""

    id: Annotated[int, msgspec.Meta(ge=1, le=2**62)]
    user: UserPart | None
    body: str | None = ""


class IssuePart(msgspec.Struct):
    """`issue` of the event; without `pull_request` it is none."""

    number: Number
    pull_request: dict[str, object] | None = None


class CommentEvent(msgspec.Struct):
    """An `issue_comment` event."""

    comment: CommentPart
    issue: IssuePart
    repository: RepositoryPart


class AccountPart(msgspec.Struct):
    """Whose installation it is."""

    login: Annotated[str, msgspec.Meta(max_length=100)]


class InstallationPart(msgspec.Struct):
    """`installation` of the event."""

    account: AccountPart


class InstallationEvent(msgspec.Struct):
    """An `installation` or `installation_repositories` event."""

    action: str
    installation: InstallationPart


class ActionOnly(msgspec.Struct):
    """Any event."""

    action: str = ""


class Revival(Record, frozen=True, kw_only=True):
    """An installation can work again: what was parked for its account may begin anew."""

    account: str


def read_event(name: str, delivery: str, body: bytes, only: str) -> Delivery | Revival | str:
    """What to keep, or why it is none of ours; one of UNREADABLE for what is no such event.

    `only` is the one repository that is served; "" for all.
    """
    action = msgspec.json.decode(body, type=ActionOnly).action
    found: Delivery | Revival | str = f"{name} {action}".strip() + ": nothing to review"
    if name == "pull_request" and action in PULL_ACTIONS:
        found = _pull(delivery, body)
    elif name == "issue_comment" and action == "created":
        found = _order(delivery, body)
    elif name in ("installation", "installation_repositories") and action in BACK_ACTIONS:
        event = msgspec.json.decode(body, type=InstallationEvent)
        found = Revival(account=event.installation.account.login)
    if isinstance(found, Delivery) and only and found.repo.lower() != only.lower():
        return f"{found.repo} is not the repository of postil.toml"
    return found


def _pull(delivery: str, body: bytes) -> Delivery:
    event = msgspec.json.decode(body, type=PullEvent)
    return Delivery(
        delivery=delivery,
        action=event.action,
        repo=event.repository.full_name,
        pull=event.number,
        head_sha=event.pull_request.head.sha,
    )


def _order(delivery: str, body: bytes) -> Delivery | str:
    event = msgspec.json.decode(body, type=CommentEvent)
    order = read_command(event.comment.body or "")
    if event.issue.pull_request is None:
        return "issue_comment created: on an issue, not on a pull request"
    if order is None:
        return "issue_comment created: no order to postil"
    user = event.comment.user
    if user is None or user.type == "Bot":
        return "issue_comment created: a program gives no orders"
    return Delivery(
        delivery=delivery,
        action=f"/{order}",
        repo=event.repository.full_name,
        pull=event.issue.number,
        head_sha="",
        actor=user.login,
        comment=event.comment.id,
    )
