"""What a forge must offer the poster, and the texts that pass through it.

One file a forge in this folder meets the protocol `Pulls`; everything above it knows only what
stands here. No network here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from postil.marker import Marker, fingerprint, place_key
from postil.records import PostedComment, Record, Side
from postil.settings import ReviewSettings


class PullHead(Record, frozen=True, kw_only=True):
    """A pull request as it stands on the host now."""

    repo: str
    number: int
    head_sha: str
    base_sha: str
    title: str
    author: str
    draft: bool
    newcomer: bool | None = None
    """Whether nothing of its author was merged here before; None: the host does not say."""
    state: Literal["open", "closed"]
    labels: tuple[str, ...] = ()
    author_is_bot: bool = False
    created_at: datetime | None = None
    settings: ReviewSettings | None = None
    """As its base branch wants them; None: nobody asked it."""


class LineComment(Record, frozen=True, kw_only=True):
    """A comment for lines of one side of the diff; `start_line` only where it spans several."""

    path: str
    side: Side
    line: int
    start_line: int | None = None
    body: str


class ReviewText(Record, frozen=True, kw_only=True):
    """One review as it will be read: a body, and the comments that have a line."""

    body: str
    comments: tuple[LineComment, ...] = ()


class Pulls(Protocol):
    """The pull requests of one repository on a forge. Every method may raise HostingError."""

    @property
    def repo(self) -> str: ...

    def read_pull(self, number: int) -> PullHead: ...

    def read_diff(self, number: int) -> str:
        """The whole diff, from git where the host does not show one so large."""
        ...

    def read_file(self, path: str, sha: str) -> str | None:
        """The text of a small file of the repository at a commit; None where there is none."""
        ...

    def our_comments(self, number: int) -> list[PostedComment]:
        """What our own account said there and signed: line comments, reviews, the summary."""
        ...

    def post_review(
        self, number: int, head_sha: str, body: str, comments: Sequence[LineComment]
    ) -> None:
        """Post one review, unless the one whose marker stands in `body` is there already."""
        ...

    def put_summary(self, number: int, body: str, comment_id: int | None) -> None:
        """Write the summary: over the comment that is there, else as a new one."""
        ...

    def settle(self, number: int, comment: PostedComment, head_sha: str) -> None:
        """Resolve the thread of a line comment; where that may not be, edit it to say that its
        lines are gone. It is never deleted."""
        ...


def review_marker(head: PullHead, adapter: str) -> Marker:
    """The marker of the whole review of one head: there is one, whichever adapter wrote it."""
    place = place_key(head.repo, head.number, "", (head.head_sha,), ("", ""), 0)
    return Marker(
        place=place,
        fingerprint=fingerprint(place, adapter),
        head_sha=head.head_sha,
        adapter=adapter,
    )


def summary_marker(head: PullHead, adapter: str) -> Marker:
    """The marker of the summary of a pull request: there is one, whichever head it tells of."""
    place = place_key(head.repo, head.number, "", (), ("summary", ""), 0)
    return Marker(
        place=place,
        fingerprint=fingerprint(place, adapter),
        head_sha=head.head_sha,
        adapter=adapter,
    )
