"""A pull request as Forgejo gives it -> a change. Pure.

Comments on the same line of the same file are one thread, as Forgejo shows them.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from mining.sources.github_change import assemble
from mining.sources.github_objects import Account, Branch, Comment, Event, Pull, Repo, Time, decode
from postil.errors import PayloadError
from postil.records import Change, Reaction

STATES = {"REQUEST_CHANGES": "CHANGES_REQUESTED"}


class ForgejoPull(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request; its base is named by what it branched off, for that of a merged one moves."""

    number: int
    title: str
    state: str
    html_url: str = ""
    user: Account | None = None
    merged_by: Account | None = None
    created_at: Time
    updated_at: Time
    closed_at: Time | None = None
    merged_at: Time | None = None
    merge_base: str
    head: Branch


class ForgejoReview(msgspec.Struct, frozen=True, kw_only=True):
    """A review; one by a team has no user."""

    user: Account | None = None
    state: str
    commit_id: str = ""
    submitted_at: Time


class ForgejoComment(msgspec.Struct, frozen=True, kw_only=True):
    """A review comment; `position` is a line of the new side, else the old side's is set."""

    id: int
    body: str = ""
    user: Account | None = None
    path: str
    commit_id: str = ""
    original_commit_id: str = ""
    diff_hunk: str = ""
    position: int = 0
    original_position: int = 0
    created_at: Time
    html_url: str = ""
    resolver: Account | None = None


class ForgejoReaction(msgspec.Struct, frozen=True, kw_only=True):
    """A reaction to a line comment."""

    content: str
    user: Account | None = None
    created_at: Time | None = None


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; a push has its commits in its body, as JSON."""

    type: str = ""
    body: str = ""
    created_at: Time


class Pushed(msgspec.Struct, frozen=True):
    """What was pushed, the head last; a forced one names the old head first."""

    commit_ids: tuple[str, ...] = ()


class ForgejoPayload(msgspec.Struct, frozen=True, kw_only=True):
    """One payload."""

    type: str
    repo: str
    pull: ForgejoPull
    reviews: tuple[ForgejoReview, ...] = ()
    comments: tuple[msgspec.Raw, ...] = ()
    timeline: tuple[TimelineEntry | None, ...] = ()
    may_push: dict[str, bool | None] = {}
    reactions: dict[str, tuple[ForgejoReaction, ...]] = {}
    """By the id of the comment; only of a pull request that was asked for alone."""


def read(body: bytes, dropped: Counter[str] | None = None) -> Change:
    """Read one payload; comments that cannot be read are counted in `dropped`."""
    dropped = Counter() if dropped is None else dropped
    payload: ForgejoPayload = decode(body, ForgejoPayload, "not a pull request of Forgejo's")
    return assemble(
        _pull(payload), list(_events(payload)), list(_comments(payload, dropped)), dropped
    )


def _pull(payload: ForgejoPayload) -> Pull:
    pull = payload.pull
    return Pull(
        number=pull.number,
        title=pull.title,
        state=pull.state,
        html_url=pull.html_url,
        user=pull.user,
        created_at=pull.created_at,
        updated_at=pull.updated_at,
        closed_at=pull.closed_at,
        merged_at=pull.merged_at,
        merged_by=pull.merged_by,
        head=pull.head,
        base=Branch(sha=pull.merge_base, repo=Repo(full_name=payload.repo)),
    )


def _events(payload: ForgejoPayload) -> Iterator[Event]:
    for entry in filter(None, payload.timeline):
        if entry.type != "pull_push":
            continue
        try:
            pushed = msgspec.json.decode(entry.body, type=Pushed)
        except msgspec.DecodeError:
            continue
        for sha in pushed.commit_ids[-1:]:
            yield Event(event="head_ref_force_pushed", commit_id=sha, created_at=entry.created_at)
    for review in payload.reviews:
        if review.user and review.commit_id:
            yield Event(
                event="reviewed",
                user=review.user,
                state=STATES.get(review.state, review.state),
                commit_id=review.commit_id,
                submitted_at=review.submitted_at,
                may_push=payload.may_push.get(review.user.login),
            )


def _comments(payload: ForgejoPayload, dropped: Counter[str]) -> Iterator[Comment]:
    roots: dict[tuple[str, int, int], int] = {}
    for one in sorted(_decoded(payload, dropped), key=lambda c: (c.created_at, c.id)):
        place = (one.path, one.position, one.original_position)
        root = roots.setdefault(place, one.id)
        yield Comment(
            id=one.id,
            path=one.path,
            body=one.body,
            diff_hunk=one.diff_hunk,
            original_commit_id=one.original_commit_id or one.commit_id,
            in_reply_to_id=None if root == one.id else root,
            user=one.user,
            created_at=one.created_at,
            html_url=one.html_url,
            side="RIGHT" if one.position else "LEFT",
            resolved=one.resolver is not None,
            resolved_by=one.resolver.login if one.resolver else "",
            reacted=tuple(
                Reaction(author=by.user.login, content=by.content, at=by.created_at)
                for by in payload.reactions.get(str(one.id), ())
                if by.user
            ),
            may_push=payload.may_push.get(one.user.login) if one.user else None,
        )


def _decoded(payload: ForgejoPayload, dropped: Counter[str]) -> Iterator[ForgejoComment]:
    for raw in payload.comments:
        try:
            comment: ForgejoComment = decode(raw, ForgejoComment, "comment")
            yield comment
        except PayloadError:
            dropped["malformed comment"] += 1
