"""A pull request's GitHub objects, its events and its comments -> a change. Pure.

REST and GraphQL objects meet here: each source reads its own into `github_objects` first.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from mining.sources.github_objects import GHOST, Comment, Event, Pull, kind_of, login_of
from mining.sources.github_threads import read_threads
from postil.errors import PayloadError
from postil.records import Change, PullRequest, Review, ReviewThread, Revision

VOTES = {"APPROVED": 2, "CHANGES_REQUESTED": -1}
"""On Gerrit's scale; any other review is a look."""

UNSENT = "PENDING"


def assemble(
    pull: Pull, events: Sequence[Event], comments: Sequence[Comment], dropped: Counter[str]
) -> Change:
    """Put a change together; comments that are on no line are counted in `dropped`."""
    author = login_of(pull.user)
    threads = read_threads(comments, pull.repo, pull.number, author, dropped)
    return Change(
        pull=_pull_request(pull, author, _revisions(pull, events, comments)),
        threads=tuple(threads),
        reviews=tuple(_reviews(events, threads, author)),
        merged_by=_merged_by(pull, events),
        licence=pull.licence,
    )


def _pull_request(pull: Pull, author: str, revisions: tuple[Revision, ...]) -> PullRequest:
    if pull.state not in ("open", "closed"):
        raise PayloadError(f"pull request {pull.number}: unknown state {pull.state[:20]!r}")
    return PullRequest(
        repo=pull.repo,
        number=pull.number,
        title=pull.title,
        author=author,
        url=pull.html_url,
        created_at=pull.created_at,
        closed_at=pull.closed_at or pull.merged_at,
        merged_at=pull.merged_at,
        state="merged" if pull.merged_at else "open" if pull.state == "open" else "closed",
        revisions=revisions,
    )


def _revisions(
    pull: Pull, events: Sequence[Event], comments: Sequence[Comment]
) -> tuple[Revision, ...]:
    """Every head that is known of, in time order, the last one last.

    GitHub lists no pushes: heads are told by commits of the last state, forced pushes, reviews and
    comments. The base is that of the pull request; git knows where each one really branched off.
    """
    told: list[tuple[datetime, bool, str]] = []
    for event in events:
        at = event.committer.date if event.committer else event.created_at or event.submitted_at
        sha = event.sha if event.event == "committed" else event.commit_id
        if sha and at and event.event in ("committed", "head_ref_force_pushed", "reviewed"):
            told.append((at, event.event != "reviewed", sha))
    told += [(c.created_at, False, c.original_commit_id) for c in comments if c.original_commit_id]
    first: dict[str, datetime | None] = {}
    for at, pushed, sha in sorted(told):
        first.setdefault(sha, at if pushed else None)
    pushed_at = first.pop(pull.head.sha, None)
    first[pull.head.sha] = pushed_at
    return tuple(
        Revision(number=number, sha=sha, base_sha=pull.base.sha, pushed_at=at)
        for number, (sha, at) in enumerate(first.items(), 1)
    )


def _reviews(
    events: Sequence[Event], threads: Sequence[ReviewThread], author: str
) -> Iterator[Review]:
    """Who looked at what: each review by another person, and each thread outside of one."""
    looks: dict[tuple[str, str], list[Review]] = {}
    for event in events:
        state = (event.state or "").upper()  # the timeline of the live API writes it small
        if event.event != "reviewed" or state == UNSENT:
            continue
        at = event.submitted_at or event.created_at
        if at and event.commit_id and kind_of(event.user, author) == "person":
            review = Review(
                reviewer=login_of(event.user),
                association=event.author_association or "NONE",
                revision=event.commit_id,
                at=at,
                vote=VOTES.get(state, 0),
                may_push=event.may_push,
            )
            looks.setdefault((review.reviewer, review.revision), []).append(review)
    for thread in threads:
        if thread.author_kind == "person" and (thread.author, thread.revision) not in looks:
            review = Review(
                reviewer=thread.author,
                association=thread.association,
                revision=thread.revision,
                at=thread.created_at,
                may_push=thread.may_push,
            )
            looks[thread.author, thread.revision] = [review]
    every = [review for reviews in looks.values() for review in reviews]
    yield from sorted(every, key=lambda r: (r.at, r.reviewer, r.revision))


def _merged_by(pull: Pull, events: Sequence[Event]) -> str | None:
    """The person that merged; None for a deleted account, whose name all deleted ones share."""
    if pull.merged_at is None:
        return None
    actors = [event.actor for event in events if event.event == "merged"]
    account = pull.merged_by or next(filter(None, reversed(actors)), None)
    if account is None or account.login == GHOST or kind_of(account, "") == "bot":
        return None
    return account.login
