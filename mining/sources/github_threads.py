"""GitHub's review comments -> review threads, each where it was first placed. Pure.

A thread is placed by the end of the hunk stored with its comment, never by `original_line`: later
force-pushes move that number in an archive (in secp256k1 for 18 % of the threads), while the
hunk and `original_start_line` stay as they were when the comment was made.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mining.sources.github_objects import Comment, kind_of, login_of
from postil.diff import HUNK_HEADER
from postil.records import Reply, ReviewThread, Side, Span

SUGGESTION = re.compile(
    r"^(?P<fence>`{3,})[ \t]*suggestion[^\n]*\n(?P<text>.*?)(?:^(?P=fence)`*[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)


class Row(NamedTuple):
    """A line of a stored hunk and its numbers before and after."""

    mark: str
    old: int | None
    new: int | None

    def number(self, side: Side) -> int | None:
        return self.old if side == "LEFT" else self.new


def read_threads(
    comments: Sequence[Comment], repo: str, pull: int, author: str, dropped: Counter[str]
) -> list[ReviewThread]:
    """Threads in the order of their first comments; what has no line is counted."""
    ordered = sorted(comments, key=lambda c: (c.created_at, c.id))
    roots = [comment for comment in ordered if comment.in_reply_to_id is None]
    known = {root.id for root in roots}
    replies: defaultdict[int, list[Comment]] = defaultdict(list)
    for comment in ordered:
        if comment.in_reply_to_id in known:
            replies[comment.in_reply_to_id].append(comment)
        elif comment.in_reply_to_id is not None:
            dropped["reply whose thread is missing"] += 1
    threads = []
    for root in roots:
        span = place(root)
        if span is None:
            whole = root.subject_type == "file" or not root.diff_hunk
            dropped["comment on a whole file" if whole else "hunk without a line"] += 1
            continue
        threads.append(_thread(root, replies[root.id], span, repo, pull, author))
    return threads


def _thread(
    root: Comment, replies: Iterable[Comment], span: Span, repo: str, pull: int, author: str
) -> ReviewThread:
    return ReviewThread(
        id=str(root.id),
        repo=repo,
        pull=pull,
        revision=root.original_commit_id,
        span=span,
        hunk=root.diff_hunk or "",
        author=login_of(root.user),
        author_kind=kind_of(root.user, author),
        association=root.author_association or "NONE",
        body=root.body or "",
        created_at=root.created_at,
        replies=tuple(
            Reply(
                author=login_of(reply.user),
                author_kind=kind_of(reply.user, author),
                created_at=reply.created_at,
                body=reply.body or "",
            )
            for reply in replies
        ),
        resolved=root.resolved,
        suggestion=read_suggestion(root.body or ""),
        reactions=root.reacted,
        may_push=root.may_push,
        url=root.html_url,
    )


def place(comment: Comment) -> Span | None:
    """The lines a comment was first made on; None for one on no line."""
    hunk = read_hunk(comment.diff_hunk or "")
    if comment.subject_type == "file" or hunk is None:
        return None
    last = hunk.row(len(hunk.marks) - 1)
    left = last.mark == "-" or (comment.side == "LEFT" and last.old is not None)
    side: Side = "LEFT" if left else "RIGHT"
    end = last.number(side)
    assert end is not None  # noqa: S101 - the side was chosen so that the line has a number
    start = min(_start(comment, hunk, side) or end, end)
    return Span(path=comment.path, side=side, start=max(start, 1), end=max(end, 1))


def _start(comment: Comment, hunk: "StoredHunk", side: Side) -> int | None:
    """The first line of a comment on several; None for one line, or where it cannot be told.

    A range that starts on the other side starts here with the first row at or after its start.
    """
    first = comment.original_start_line
    if first is None or comment.start_side in (None, side):
        return first
    other: Side = "RIGHT" if side == "LEFT" else "LEFT"
    rows = [hunk.row(index) for index in range(len(hunk.marks))]
    at = next((i for i, row in enumerate(rows) if row.number(other) == first), len(rows))
    return next((number for row in rows[at:] if (number := row.number(side))), None)


class StoredHunk(NamedTuple):
    """The first lines before and after, and the mark of each row."""

    old: int
    new: int
    marks: str

    def row(self, index: int) -> Row:
        """One row with its numbers."""
        mark, above = self.marks[index], self.marks[:index]
        old = None if mark == "+" else self.old + index - above.count("+")
        new = None if mark == "-" else self.new + index - above.count("-")
        return Row(mark, old, new)


def read_hunk(text: str) -> StoredHunk | None:
    """The rows of a hunk as GitHub stores it, cut off behind the commented line; None: no hunk."""
    header, _, body = text.partition("\n")
    match = HUNK_HEADER.match(header)
    if match is None or not body:
        return None
    firsts = (line[:1] or " " for line in body.removesuffix("\n").split("\n"))
    marks = "".join(mark for mark in firsts if mark != "\\")
    return StoredHunk(int(match[1]), int(match[3]), marks) if marks else None


def read_suggestion(body: str) -> str | None:
    """The text of the first suggestion block; "" deletes the lines. None: no block."""
    match = SUGGESTION.search(body.replace("\r\n", "\n"))
    if match is None:
        return None
    text = match["text"]
    return text if not text or text.endswith("\n") else text + "\n"
