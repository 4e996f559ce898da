"""GitHub's review comments -> review threads, each where it was first placed. Pure.

A thread is placed by the end of the hunk stored with its comment, never by `original_line`: later
force-pushes move that number in an archive (in secp256k1 for 18 % of the threads), while the
hunk and `original_start_line` stay as they were when the comment was made.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mining.sources.github_objects import Comment, kind_of, login_of
from postil.diff import HUNK_HEADER
from postil.records import Reply, ReviewThread, Side, Span

SUGGESTION = re.compile(
    r"^(?P<fence>`{3,})[ \t]*suggestion[^\n]*\n(?P<text>.*?)(?:^(?P=fence)`*[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)


NO_NEWLINE = "\n\\"
"""How git's note begins that the line above it ends without a newline; it is no line itself."""


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
        resolved_by=root.resolved_by,
        hidden=root.hidden,
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
    left = hunk.mark == "-" or (comment.side == "LEFT" and hunk.mark != "+")
    side: Side = "LEFT" if left else "RIGHT"
    end = hunk.last(side)
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
    rows = list(hunk.rows())
    at = next((i for i, row in enumerate(rows) if row.number(other) == first), len(rows))
    return next((number for row in rows[at:] if (number := row.number(side))), None)


class StoredHunk(NamedTuple):
    """The first numbers before and after; where the lines lie in the text, a newline before each.

    Counted in place, since hunks are most of what a host sends: no line is taken out of the text.
    """

    old: int
    new: int
    mark: str
    """Of the last line: plus, minus, or else a line that stayed."""
    text: str
    begin: int
    above: int
    """Where the last line begins."""

    def last(self, side: Side) -> int:
        """The number of the last line on a side that it is on."""
        first, beside, other = (
            (self.old, self.new, "\n+") if side == "LEFT" else (self.new, self.old, "\n-")
        )
        count = self._count("\n")
        if beside:  # 0: the other side has no lines at all, as of an added file
            count -= self._count(other)
        if self.text.find("\\", self.begin, self.above) >= 0:
            count -= self._count(NO_NEWLINE)
        return first + count

    def _count(self, start: str) -> int:
        return self.text.count(start, self.begin, self.above)

    def rows(self) -> Iterator[Row]:
        """Every row with its numbers."""
        old, new = self.old, self.new
        lines = (
            self.text[self.begin + 1 : self.above].split("\n") if self.above > self.begin else []
        )
        for line in (*lines, self.mark):
            if line[:1] == "\\":
                continue
            mark = line[:1] or " "
            yield Row(mark, None if mark == "+" else old, None if mark == "-" else new)
            old += mark != "+"
            new += mark != "-"


def read_hunk(text: str) -> StoredHunk | None:
    """A hunk as GitHub stores it, cut off behind the commented line; None: no hunk."""
    match = HUNK_HEADER.match(text)
    begin, end = text.find("\n"), len(text) - text.endswith("\n")
    if match is None or begin < 0:
        return None
    while (above := text.rfind("\n", begin, end)) >= 0:
        line = text[above + 1 : end]
        if not line.startswith("\\"):
            mark = line[:1] or " "
            return StoredHunk(int(match[1]), int(match[3]), mark, text, begin, above)
        end = above
    return None


def read_suggestion(body: str) -> str | None:
    """The text of the first suggestion block; "" deletes the lines. None: no block."""
    match = SUGGESTION.search(body.replace("\r\n", "\n")) if "suggestion" in body else None
    if match is None:
        return None
    text = match["text"]
    return text if not text or text.endswith("\n") else text + "\n"
