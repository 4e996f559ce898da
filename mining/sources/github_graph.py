"""Pull requests as GitHub's GraphQL interface gives them -> a change. Pure.

The objects are read into the same shapes as REST objects; what only GraphQL tells (resolution,
reactions with their authors, who may push) goes along.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from mining.sources.github_change import assemble
from mining.sources.github_graph_objects import (
    GraphComment,
    GraphPayload,
    GraphPull,
    Opening,
    Thread,
)
from mining.sources.github_objects import (
    Branch,
    Comment,
    Event,
    HostLicence,
    Pull,
    Repo,
    Signature,
    decode,
)
from postil.errors import PayloadError
from postil.records import Change, Reaction

NO_OPENING = Opening()
PAYLOAD = msgspec.json.Decoder(GraphPayload)


def read_graph(body: bytes, dropped: Counter[str]) -> Change:
    """Read one payload; comments that cannot be read are counted in `dropped`."""
    try:
        payload = PAYLOAD.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        payload = _without_malformed(body)
    pull = payload.graphql
    return assemble(
        _pull(pull, _repo(payload)),
        list(_events(pull)),
        list(_comments(pull, dropped)),
        dropped,
    )


def _without_malformed(body: bytes) -> GraphPayload:
    """The payload with nothing in the place of each comment that cannot be read."""
    what = "not a pull request of GitHub's"
    loose: dict[str, Any] = decode(body, dict[str, Any], what)
    try:
        for thread in filter(None, loose["graphql"]["reviewThreads"]["nodes"]):
            for name, kind in (("comments", GraphComment), ("opening", Opening)):
                nodes = thread.get(name, {}).get("nodes", [])
                nodes[:] = [node if _fits(node, kind) else None for node in nodes]
    except (AttributeError, KeyError, TypeError) as error:
        raise PayloadError(f"{what}: its threads have another shape") from error
    payload: GraphPayload = decode(msgspec.json.encode(loose), GraphPayload, what)
    return payload


def _fits(node: object, kind: type[Opening]) -> bool:
    try:
        msgspec.convert(node, kind)
    except msgspec.ValidationError:
        return False
    return True


def _repo(payload: GraphPayload) -> Repo:
    return Repo(full_name=payload.repository, license=HostLicence(spdx_id=payload.licence))


def _pull(pull: GraphPull, repo: Repo) -> Pull:
    return Pull(
        number=pull.number,
        title=pull.title,
        state="open" if pull.state == "OPEN" else "closed",
        html_url=pull.url,
        user=pull.author,
        created_at=pull.created_at,
        updated_at=pull.updated_at,
        closed_at=pull.closed_at,
        merged_at=pull.merged_at,
        merged_by=pull.merged_by,
        head=Branch(sha=pull.head_ref_oid),
        base=Branch(sha=pull.base_ref_oid, repo=repo),
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
            user=review.author,
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
        for number, comment in enumerate(thread.comments.nodes):
            opening = _opening(thread, comment) if number == 0 else NO_OPENING
            name = _number(comment)
            if comment is None or opening is None or name is None:
                dropped["malformed comment"] += 1
                continue
            if number == 0:
                root = name
            yield _comment(comment, opening, name, None if number == 0 else root or -1, thread)


def _opening(thread: Thread, first: GraphComment | None) -> Opening | None:
    """Where the thread stands; None where that is not told."""
    told = thread.opening.nodes[0] if thread.opening.nodes else first
    return told if told and told.path else None


def _number(comment: GraphComment | None) -> int | None:
    try:
        return int(comment.full_database_id or 0) if comment else None
    except ValueError:
        return None


def _comment(
    comment: GraphComment, opening: Opening, name: int, reply_to: int | None, thread: Thread
) -> Comment:
    powers = opening.pull_request_review
    return Comment(
        id=name,
        path=opening.path,
        body=comment.body,
        diff_hunk=opening.diff_hunk,
        original_commit_id=comment.original_commit.oid if comment.original_commit else "",
        in_reply_to_id=reply_to,
        user=comment.author,
        author_association=comment.author_association,
        created_at=comment.created_at,
        html_url=opening.url,
        side=thread.diff_side,
        start_side=thread.start_diff_side,
        original_start_line=opening.original_start_line,
        subject_type=opening.subject_type.lower(),
        resolved=thread.is_resolved,
        resolved_by=thread.resolved_by.login if thread.resolved_by else "",
        hidden=opening.is_minimized,
        may_push=powers.author_can_push_to_repository if powers else None,
        reacted=tuple(
            Reaction(author=one.user.login, content=one.content, at=one.created_at)
            for one in opening.reactions.nodes
            if one and one.user
        ),
    )
