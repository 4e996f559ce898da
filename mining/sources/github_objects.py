"""The parts of GitHub's REST objects that are read, however old the record. Pure.

Fields that a record may lack have a default; what is not named here is ignored. Source:
https://docs.github.com/rest/pulls, and 1,308 records of a real archive of 2014 to 2026.
"""

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec

from postil.errors import PayloadError
from postil.records import AuthorKind, Reaction

GHOST = "ghost"
"""How GitHub shows an account that was deleted; all deleted accounts share the name."""

PULL_URL = re.compile(r"/repos/([^/]+/[^/]+)/pulls/\d+$")

Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Account(msgspec.Struct, frozen=True):
    """A person, a program or an organisation."""

    login: str
    type: str = "User"


class HostLicence(msgspec.Struct, frozen=True):
    """What GitHub made of the licence file: an SPDX id, or NOASSERTION for an unknown text."""

    spdx_id: str | None = None


class Repo(msgspec.Struct, frozen=True):
    """A repository."""

    full_name: str
    license: HostLicence | None = None


class Branch(msgspec.Struct, frozen=True):
    """The base or the head of a pull request; `repo` is null when a fork was deleted."""

    sha: str
    repo: Repo | None = None


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request."""

    number: int
    title: str
    state: str
    url: str = ""
    html_url: str = ""
    user: Account | None = None
    created_at: Time
    updated_at: Time | None = None
    closed_at: Time | None = None
    merged_at: Time | None = None
    merged_by: Account | None = None
    head: Branch
    base: Branch

    @property
    def repo(self) -> str:
        """owner/name of the repository it was made to."""
        if self.base.repo:
            return self.base.repo.full_name
        match = PULL_URL.search(self.url)
        if match is None:
            raise PayloadError(f"pull request {self.number}: of no known repository")
        return match[1]

    @property
    def licence(self) -> str:
        """SPDX id by which the host shows the repository; "" where it names none."""
        told = self.base.repo.license if self.base.repo else None
        return (told.spdx_id if told else None) or ""


class Signature(msgspec.Struct, frozen=True):
    """Who made a commit, and when."""

    date: Time | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an issue's timeline; which fields it has depends on `event`."""

    event: str = ""
    actor: Account | None = None
    user: Account | None = None
    author_association: str | None = None
    state: str | None = None
    commit_id: str | None = None
    sha: str | None = None
    committer: Signature | None = None
    created_at: Time | None = None
    submitted_at: Time | None = None
    may_push: bool | None = None
    """Whether a reviewer may write to the repository; only GraphQL says."""


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """A review comment. `original_line` is not read: see github_threads."""

    id: int
    path: str
    body: str | None = None
    diff_hunk: str | None = None
    original_commit_id: str
    in_reply_to_id: int | None = None
    user: Account | None = None
    author_association: str | None = None
    created_at: Time
    html_url: str = ""
    side: str | None = None
    start_side: str | None = None
    original_start_line: int | None = None
    subject_type: str | None = None
    resolved: bool | None = None
    """Of the thread; this and what follows only GraphQL says."""
    resolved_by: str = ""
    hidden: bool | None = None
    """Whether somebody who may write hid the comment."""
    may_push: bool | None = None
    reacted: tuple[Reaction, ...] = ()


def login_of(account: Account | None) -> str:
    """The name of an account; `ghost` for a deleted one."""
    return account.login if account else GHOST


def kind_of(account: Account | None, author: str) -> AuthorKind:
    """Bot, the author of the pull request, or another person.

    Two deleted accounts share a name, so nobody is known to be the author by it.
    """
    if account is None or account.login == GHOST:
        return "person"
    if account.type == "Bot" or account.login.lower().endswith("[bot]"):
        return "bot"
    return "self" if account.login == author else "person"


def decode(body: bytes | msgspec.Raw, kind: Any, what: str) -> Any:
    """Decode JSON to one of these; raise PayloadError saying what is wrong where."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PayloadError(f"{what}: {error}") from error
