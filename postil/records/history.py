"""What a host or a clone tells of the past: pull requests and what reviewers said in them."""

from datetime import datetime
from typing import Literal

from postil.records.base import AuthorKind, Record, Span


class Revision(Record, frozen=True, kw_only=True):
    """One pushed state of a pull request; a patchset on Gerrit."""

    number: int
    sha: str
    base_sha: str
    pushed_at: datetime | None = None


class PullRequest(Record, frozen=True, kw_only=True):
    """A proposed change and the revisions it went through, oldest first."""

    repo: str
    number: int
    title: str
    author: str
    url: str
    created_at: datetime
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    state: Literal["open", "closed", "merged"]
    revisions: tuple[Revision, ...]


class Reply(Record, frozen=True, kw_only=True):
    """A later comment in a thread."""

    author: str
    author_kind: AuthorKind
    created_at: datetime
    body: str


class Reaction(Record, frozen=True, kw_only=True):
    """A thumbs-up or the like on a remark."""

    author: str
    content: str
    at: datetime | None = None


class ReviewThread(Record, frozen=True, kw_only=True):
    """One remark on lines of a revision, and what was said after it.

    `hunk` is the text stored with the comment, as it was at review time; it only locates the
    remark, and is empty where the source stores none.
    """

    id: str
    repo: str
    pull: int
    revision: str
    span: Span
    hunk: str = ""
    author: str
    author_kind: AuthorKind
    association: str = ""
    body: str
    created_at: datetime
    replies: tuple[Reply, ...] = ()
    resolved: bool | None = None
    resolved_by: str = ""
    """Who resolved it, where the host says."""
    hidden: bool | None = None
    """Whether somebody hid the remark, which takes write access."""
    suggestion: str | None = None
    reactions: tuple[Reaction, ...] = ()
    may_push: bool | None = None
    """Whether the author may write to the repository, where the host says."""
    url: str


class Review(Record, frozen=True, kw_only=True):
    """Someone looked at a revision; `vote` as on Gerrit: +2 approves, -2 blocks, 0 is a look."""

    reviewer: str
    association: str = ""
    revision: str
    at: datetime
    vote: int = 0
    may_push: bool | None = None


class Change(Record, frozen=True, kw_only=True):
    """All that a source knows of one pull request. `merged_by` is the account that merged it."""

    pull: PullRequest
    threads: tuple[ReviewThread, ...]
    reviews: tuple[Review, ...]
    merged_by: str | None = None
    complete: bool = True
    """False: remarks were made that the source cannot tell of, so no window is a silence."""
    licence: str = ""
    """SPDX id under which the host shows the repository, where it does."""
