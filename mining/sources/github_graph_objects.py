"""The parts of GitHub's GraphQL objects that are read; fields not named here are ignored. Pure.

Source: https://docs.github.com/graphql/overview/public-schema
"""

import msgspec

from mining.sources.github_objects import Account, Time


class Shape(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of what is read; fields that are not named here are ignored."""


class Actor(Account, frozen=True):
    """Whoever did something: User, Bot, Mannequin, Organization."""

    type: str = msgspec.field(default="User", name="__typename")


class Oid(Shape, frozen=True, kw_only=True):
    """A commit by name."""

    oid: str


class Powers(Shape, frozen=True, kw_only=True):
    """What the author of a review may do."""

    author_can_push_to_repository: bool | None = None


class Reacted(Shape, frozen=True, kw_only=True):
    """A reaction."""

    content: str
    user: Actor | None = None
    created_at: Time | None = None


class Reactions(Shape, frozen=True, kw_only=True):
    """Those of one comment."""

    nodes: tuple[Reacted | None, ...] = ()


class Opening(Shape, frozen=True, kw_only=True):
    """What only the first comment of a thread is asked for: where it stands, how it was taken."""

    url: str = ""
    path: str = ""
    diff_hunk: str = ""
    subject_type: str = "LINE"
    original_start_line: int | None = None
    is_minimized: bool | None = None
    pull_request_review: Powers | None = None
    reactions: Reactions = Reactions()


class GraphComment(Opening, frozen=True, kw_only=True):
    """A review comment. `full_database_id` is the number that REST calls `id`.

    Payloads from before the opening was asked for apart hold its fields in every comment.
    """

    full_database_id: str | int | None = None
    author: Actor | None = None
    author_association: str = "NONE"
    body: str = ""
    created_at: Time
    original_commit: Oid | None = None


class Comments(Shape, frozen=True, kw_only=True):
    """Those of one thread."""

    nodes: tuple[GraphComment | None, ...] = ()


class Openings(Shape, frozen=True, kw_only=True):
    """The one of a thread."""

    nodes: tuple[Opening | None, ...] = ()


class Thread(Shape, frozen=True, kw_only=True):
    """A review thread, its first comment first."""

    is_resolved: bool
    resolved_by: Actor | None = None
    diff_side: str = "RIGHT"
    start_diff_side: str | None = None
    opening: Openings = Openings()
    comments: Comments


class Threads(Shape, frozen=True, kw_only=True):
    """Those of one pull request."""

    nodes: tuple[Thread | None, ...] = ()


class GraphReview(Shape, frozen=True, kw_only=True):
    """A review."""

    author: Actor | None = None
    author_association: str = "NONE"
    author_can_push_to_repository: bool | None = None
    state: str = ""
    submitted_at: Time | None = None
    commit: Oid | None = None


class Reviews(Shape, frozen=True, kw_only=True):
    """Those of one pull request."""

    nodes: tuple[GraphReview | None, ...] = ()


class CommitNode(Shape, frozen=True, kw_only=True):
    """A commit of the last state of the pull request."""

    oid: str
    committed_date: Time


class InPull(Shape, frozen=True, kw_only=True):
    """A commit in its envelope."""

    commit: CommitNode


class Commits(Shape, frozen=True, kw_only=True):
    """Those of one pull request."""

    nodes: tuple[InPull | None, ...] = ()


class Push(Shape, frozen=True, kw_only=True):
    """A forced push; either commit may be gone."""

    created_at: Time
    after_commit: Oid | None = None


class Pushes(Shape, frozen=True, kw_only=True):
    """Those of one pull request."""

    nodes: tuple[Push | None, ...] = ()


class GraphPull(Shape, frozen=True, kw_only=True):
    """A pull request with all that hangs on it."""

    number: int
    title: str
    state: str
    url: str = ""
    author: Actor | None = None
    merged_by: Actor | None = None
    created_at: Time
    updated_at: Time
    closed_at: Time | None = None
    merged_at: Time | None = None
    head_ref_oid: str
    base_ref_oid: str
    review_threads: Threads
    reviews: Reviews
    commits: Commits
    timeline_items: Pushes


class GraphPayload(msgspec.Struct, frozen=True):
    """One payload: the repository's name and licence as GitHub gave them, and the pull request."""

    repository: str
    graphql: GraphPull
    licence: str | None = None
