"""Pull requests as GitHub's GraphQL interface gives them -> a change. Pure.

The objects are read into the same shapes as REST objects; what only GraphQL tells (resolution,
reactions with their authors, who may push) goes along.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from mining.sources.github_change import assemble
from mining.sources.github_objects import (
    Account,
    Branch,
    Comment,
    Event,
    Pull,
    Repo,
    Signature,
    Time,
    decode,
)
from postil.errors import PayloadError
from postil.records import Change, Reaction


class Shape(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of what is read; fields that are not named here are ignored."""


class Actor(Shape, frozen=True, kw_only=True):
    """Whoever did something; `kind` is User, Bot, Mannequin, Organization."""

    login: str
    kind: str = msgspec.field(default="User", name="__typename")

    def account(self) -> Account:
        return Account(login=self.login, type=self.kind)


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


class Reactions(Shape, frozen=True, kw_only=True):
    """Those of one comment."""

    nodes: tuple[Reacted | None, ...] = ()


class Id(Shape, frozen=True, kw_only=True):
    """A node by name."""

    id: str


class GraphComment(Shape, frozen=True, kw_only=True):
    """A review comment. `full_database_id` is the number that REST calls `id`."""

    full_database_id: str | int | None = None
    author: Actor | None = None
    author_association: str = "NONE"
    body: str = ""
    created_at: Time
    url: str = ""
    path: str
    diff_hunk: str = ""
    subject_type: str = "LINE"
    original_start_line: int | None = None
    original_commit: Oid | None = None
    reply_to: Id | None = None
    pull_request_review: Powers | None = None
    reactions: Reactions = Reactions()


class Comments(Shape, frozen=True, kw_only=True):
    """Those of one thread."""

    nodes: tuple[msgspec.Raw, ...] = ()


class Thread(Shape, frozen=True, kw_only=True):
    """A review thread, its first comment first."""

    is_resolved: bool
    diff_side: str = "RIGHT"
    start_diff_side: str | None = None
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
    """One payload: the repository's name as GitHub gave it, and the pull request."""

    repository: str
    graphql: GraphPull


def read_graph(body: bytes, dropped: Counter[str]) -> Change:
    """Read one payload; comments that cannot be read are counted in `dropped`."""
    payload: GraphPayload = decode(body, GraphPayload, "not a pull request of GitHub's")
    pull = payload.graphql
    return assemble(
        _pull(pull, payload.repository),
        list(_events(pull)),
        list(_comments(pull, dropped)),
        dropped,
    )


def _pull(pull: GraphPull, repo: str) -> Pull:
    return Pull(
        number=pull.number,
        title=pull.title,
        state="open" if pull.state == "OPEN" else "closed",
        html_url=pull.url,
        user=_account(pull.author),
        created_at=pull.created_at,
        updated_at=pull.updated_at,
        closed_at=pull.closed_at,
        merged_at=pull.merged_at,
        merged_by=_account(pull.merged_by),
        head=Branch(sha=pull.head_ref_oid),
        base=Branch(sha=pull.base_ref_oid, repo=Repo(full_name=repo)),
    )


def _events(pull: GraphPull) -> Iterator[Event]:
    for node in filter(None, pull.commits.nodes):
        when = Signature(date=node.commit.committed_date)
        yield Event(event="committed", sha=node.commit.oid, committer=when)
    for push in filter(None, pull.timeline_items.nodes):
        if push.after_commit:
            sha = push.after_commit.oid
            yield Event(event="head_ref_force_pushed", commit_id=sha, created_at=push.created_at)
    for review in filter(None, pull.reviews.nodes):
        yield Event(
            event="reviewed",
            user=_account(review.author),
            author_association=review.author_association,
            state=review.state,
            commit_id=review.commit.oid if review.commit else None,
            submitted_at=review.submitted_at,
            may_push=review.author_can_push_to_repository,
        )


def _comments(pull: GraphPull, dropped: Counter[str]) -> Iterator[Comment]:
    """Every comment that can be read; replies name the first one of their thread."""
    for thread in filter(None, pull.review_threads.nodes):
        root: int | None = None
        for number, raw in enumerate(thread.comments.nodes):
            try:
                comment: GraphComment = decode(raw, GraphComment, "comment")
                name = int(comment.full_database_id or 0)
            except (ValueError, PayloadError):
                dropped["malformed comment"] += 1
                continue
            if number == 0:
                root = name
            yield _comment(comment, name, None if number == 0 else root or -1, thread)


def _comment(comment: GraphComment, name: int, reply_to: int | None, thread: Thread) -> Comment:
    powers = comment.pull_request_review
    return Comment(
        id=name,
        path=comment.path,
        body=comment.body,
        diff_hunk=comment.diff_hunk,
        original_commit_id=comment.original_commit.oid if comment.original_commit else "",
        in_reply_to_id=reply_to,
        user=_account(comment.author),
        author_association=comment.author_association,
        created_at=comment.created_at,
        html_url=comment.url,
        side=thread.diff_side,
        start_side=thread.start_diff_side,
        original_start_line=comment.original_start_line,
        subject_type=comment.subject_type.lower(),
        resolved=thread.is_resolved,
        may_push=powers.author_can_push_to_repository if powers else None,
        reacted=tuple(
            Reaction(author=one.user.login, content=one.content)
            for one in comment.reactions.nodes
            if one and one.user
        ),
    )


def _account(actor: Actor | None) -> Account | None:
    return actor.account() if actor else None
