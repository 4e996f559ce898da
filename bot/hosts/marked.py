"""A text on the host -> what we said there, by its markers; and a text that says it is settled.

Pure. Whose text it is must be known before: a marker counts only on our own account.
"""

import msgspec

from bot.hosts.limits import fit, split_marker
from postil.marker import Marker, markers_of, read_marker, render_marker
from postil.records import PostedComment, Record, SaidIn

SETTLED = "*Settled: the lines this was about are not part of the change any more, as of {}.*"


class Said(Record, frozen=True, kw_only=True):
    """One text on the host."""

    said_in: SaidIn
    author: str
    comment_id: int
    url: str
    body: str
    answers: int | None = None
    """The comment that this one replies to."""
    by_bot: bool = False


class ThreadState(Record, frozen=True, kw_only=True):
    """What people did with a line comment. `thread` resolves it, where that may be done."""

    thread: str = ""
    open: bool = True
    resolved_by: str = ""
    dismissed: bool = False


def read_posted(said: Said, state: ThreadState, key: bytes, account: str) -> list[PostedComment]:
    """Everything that we signed in a text of our account."""
    ours = state.resolved_by.lower() == account.lower()
    return [
        PostedComment(
            said_in=said.said_in,
            place=marker.place,
            fingerprint=marker.fingerprint,
            comment_id=said.comment_id,
            url=said.url,
            head_sha=marker.head_sha,
            adapter=marker.adapter,
            text=marker.text,
            rows=marker.rows,
            around=marker.around,
            words=marker.words,
            thread=state.thread,
            open=state.open,
            settled=bool(marker.settled) or (not state.open and ours),
            dismissed=state.dismissed,
        )
        for marker in markers_of(said.body, key)
    ]


def settled_body(body: str, head_sha: str, key: bytes) -> str:
    """The text of a line comment with a note that its lines are gone; its marker stays last.

    The same text where that was noted before, or where it holds no marker of ours.
    """
    marker = read_marker(body, key)
    if marker is None or marker.settled:
        return body
    shown, _ = split_marker(body)
    noted: Marker = msgspec.structs.replace(marker, settled=head_sha)
    return fit(f"{shown}\n\n{SETTLED.format(head_sha[:10])}\n\n{render_marker(noted, key)}")
