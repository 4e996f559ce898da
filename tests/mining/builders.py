"""Short ways to make records in mining tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from postil.records import Change, PullRequest, Review, ReviewThread, Revision, Span

START = datetime(2024, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def make_pull(number: int = 1, revisions: tuple[Revision, ...] = (), **more: Any) -> PullRequest:
    values: dict[str, Any] = {
        "repo": "o/r",
        "number": number,
        "title": "Add things",
        "author": "author",
        "url": f"https://example.org/o/r/pull/{number}",
        "created_at": day(number),
        "closed_at": day(number + 0.9),
        "merged_at": day(number + 0.9),
        "state": "merged",
        "revisions": revisions,
    }
    return PullRequest(**(values | more))


def make_thread(revision: str, start: int, end: int | None = None, **more: Any) -> ReviewThread:
    values: dict[str, Any] = {
        "id": f"t{start}",
        "repo": "o/r",
        "pull": 1,
        "revision": revision,
        "span": Span(path="a.py", side="RIGHT", start=start, end=end or start),
        "author": "ann",
        "author_kind": "person",
        "association": "MEMBER",
        "body": "Please name the exception you expect here.",
        "created_at": day(1.2),
        "url": "https://example.org/o/r/pull/1#discussion_r1",
    }
    return ReviewThread(**(values | more))


def make_change(
    pull: PullRequest, *threads: ReviewThread, reviews: tuple[Review, ...] = ()
) -> Change:
    return Change(pull=pull, threads=threads, reviews=reviews)
