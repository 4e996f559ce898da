"""The comments of one change in Gerrit's NoteDb: JSON notes -> review threads. Pure.

A note holds every comment on one revision. Comments on no line of a file (commit message, patch
set, whole file) are left out and counted; so is what cannot be read, and the rest goes on.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from mining.sources.notedb_log import AUTOMATIC
from postil.errors import PayloadError
from postil.records import AuthorKind, Reply, ReviewThread, Side, Span

NO_FILE = {
    "/COMMIT_MSG": "commit message",
    "/PATCHSET_LEVEL": "patchset level",
    "/MERGE_LIST": "merge list",
}
"""Names under which Gerrit keeps what is no file of the tree."""

LEGACY_NOTE = re.compile(r"(Revision|Patch-set|Base-for-patch-set|File|certificate version)\b")
"""How notes began before they were JSON (Gerrit 2.x: ChangeNoteUtil)."""

LEGACY_TIME = "%b %d, %Y %I:%M:%S %p"
FENCE = re.compile(r"^```suggestion[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


class Key(msgspec.Struct, frozen=True, rename="camel"):
    """What names a comment."""

    uuid: str
    filename: str
    patch_set_id: int


class Account(msgspec.Struct, frozen=True):
    """An account, by number."""

    id: int


class Characters(msgspec.Struct, frozen=True, rename="camel"):
    """A range of characters; lines from 1, characters from 0, the end is outside."""

    start_line: int
    start_char: int
    end_line: int
    end_char: int


class Replacement(msgspec.Struct, frozen=True):
    """New text for a range of a file."""

    path: str
    range: Characters
    replacement: str


class Fix(msgspec.Struct, frozen=True):
    """A suggested fix."""

    replacements: tuple[Replacement, ...] = ()


class Comment(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One comment as Gerrit writes it; `side` is 1 for the revision, 0 or less for a parent."""

    key: Key
    line_nbr: int = 0
    author: Account
    real_author: Account | None = None
    written_on: str
    side: int = 1
    message: str
    parent_uuid: str | None = None
    unresolved: bool = False
    tag: str | None = None
    range: Characters | None = None
    fix_suggestions: tuple[Fix, ...] | None = None
    is_ai: bool = False
    robot_id: str | None = None


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A comment, read: on which revision, by whom, when."""

    comment: Comment
    revision: str
    who: str
    kind: AuthorKind
    at: datetime


class NoteText(msgspec.Struct, frozen=True):
    """The note on one revision, as it stands in git."""

    revision: str
    text: str


class Note(msgspec.Struct, frozen=True):
    """The part of a note that is read; each comment may fail alone."""

    comments: tuple[msgspec.Raw, ...] = ()


def read_notes(
    notes: Iterable[NoteText], owner: str, patch_sets: Mapping[int, str], dropped: Counter[str]
) -> list[Written]:
    """Every comment that can be read, oldest first. `patch_sets` are commits by number."""
    found: list[Written] = []
    for note in notes:
        try:
            raws = msgspec.json.decode(note.text, type=Note).comments
        except msgspec.DecodeError:
            legacy = LEGACY_NOTE.match(note.text)
            dropped["note in an old format" if legacy else "malformed note"] += 1
            continue
        for raw in raws:
            try:
                comment = msgspec.json.decode(raw, type=Comment)
                revision = _revision(comment, note.revision, patch_sets)
                found.append(_written(comment, revision, owner))
            except (msgspec.DecodeError, PayloadError):
                dropped["malformed comment"] += 1
    return sorted(found, key=lambda w: (w.at, w.comment.key.uuid))


def _revision(comment: Comment, noted_on: str, patch_sets: Mapping[int, str]) -> str:
    """The patch set that was looked at: a comment on the parent's side is noted on the parent."""
    if comment.side > 0:
        return noted_on
    return patch_sets.get(comment.key.patch_set_id, noted_on)


def _written(comment: Comment, revision: str, owner: str) -> Written:
    who = f"user-{(comment.real_author or comment.author).id}"
    automatic = (comment.tag or "").startswith(AUTOMATIC)
    program = automatic or comment.is_ai or comment.robot_id is not None
    kind: AuthorKind = "bot" if program else "self" if who == owner else "person"
    at = _time(comment.written_on)
    return Written(comment=comment, revision=revision, who=who, kind=kind, at=at)


def _time(text: str) -> datetime:
    """ISO 8601, or as Gerrit wrote it before 3.x, in what was then taken for UTC."""
    try:
        if text[:1].isdigit():
            time = datetime.fromisoformat(text)
            return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
        return datetime.strptime(text, LEGACY_TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise PayloadError(f"not a time: {text[:40]!r}") from error


def read_threads(
    comments: Sequence[Written],
    repo: str,
    number: int,
    url: str,
    parents: Mapping[str, Sequence[str] | None],
    dropped: Counter[str],
) -> list[ReviewThread]:
    """Join comments to threads; those on no line of a file are counted, one a thread."""
    threads: list[ReviewThread] = []
    for root, replies in _joined(comments, dropped):
        try:
            place = place_of(root.comment, len(parents.get(root.revision) or ()))
        except PayloadError:
            place = "malformed comment"
        if isinstance(place, str):
            dropped[place] += 1
            continue
        thread = ReviewThread(
            id=root.comment.key.uuid,
            repo=repo,
            pull=number,
            revision=root.revision,
            span=place,
            author=root.who,
            author_kind=root.kind,
            body=root.comment.message,
            created_at=root.at,
            replies=tuple(
                Reply(author=r.who, author_kind=r.kind, created_at=r.at, body=r.comment.message)
                for r in replies
            ),
            resolved=_resolved([root, *replies]),
            suggestion=suggestion_of(root.comment, place),
            url=f"{url}/comment/{quote(root.comment.key.uuid, safe='')}/",
        )
        threads.append(thread)
    return threads


def _joined(
    comments: Sequence[Written], dropped: Counter[str]
) -> list[tuple[Written, list[Written]]]:
    """Each first comment with all that answers it, however deep, in time order."""
    by_uuid = {written.comment.key.uuid: written for written in comments}
    roots: dict[str, list[Written]] = {
        uuid: [] for uuid, written in by_uuid.items() if not written.comment.parent_uuid
    }
    for uuid, written in by_uuid.items():
        seen = {uuid}
        above = written.comment.parent_uuid
        while above and above not in roots and above in by_uuid and above not in seen:
            seen.add(above)
            above = by_uuid[above].comment.parent_uuid
        if above in roots:
            roots[above].append(written)
        elif above:
            dropped["reply to a comment that is gone"] += 1
    return [(by_uuid[uuid], replies) for uuid, replies in roots.items()]


def _resolved(thread: Sequence[Written]) -> bool | None:
    """What the last comment says; unknown where nothing in the thread was ever open.

    Gerrit had no such flag before 2017 and fills it in as resolved.
    """
    if not any(written.comment.unresolved for written in thread):
        return None
    return not thread[-1].comment.unresolved


def place_of(comment: Comment, parents: int) -> Span | str:
    """The lines a comment stands on, or why it stands on none.

    `parents` counts those of the revision: side 0 of a merge is an automatic merge that no
    commit holds, and side -n is the nth parent.
    """
    filename = comment.key.filename
    if filename in NO_FILE:
        return NO_FILE[filename]
    if comment.side < -1 or (comment.side == 0 and parents > 1):
        return "parent of a merge"
    if comment.range is None and comment.line_nbr <= 0:
        return "whole file"
    side: Side = "RIGHT" if comment.side > 0 else "LEFT"
    if comment.range is None:
        return Span(path=filename, side=side, start=comment.line_nbr, end=comment.line_nbr)
    start, end = _whole_lines(comment.range)
    return Span(path=filename, side=side, start=start, end=end)


def _whole_lines(characters: Characters) -> tuple[int, int]:
    """First and last line touched; an end before the first character touches no line."""
    start, end = characters.start_line, characters.end_line
    return start, end - 1 if characters.end_char == 0 and end > start else end


def suggestion_of(comment: Comment, span: Span) -> str | None:
    """The text proposed for exactly the lines of `span`; None where there is none such.

    Gerrit keeps it as a fence in the message, or as a fix of its own beside it.
    """
    fence = FENCE.search(comment.message)
    if fence:
        return fence[1]
    fixes = [r for fix in comment.fix_suggestions or () for r in fix.replacements]
    if len(fixes) != 1 or fixes[0].path != span.path or span.side != "RIGHT":
        return None
    where, text = fixes[0].range, fixes[0].replacement
    whole = where.start_char == 0 and where.end_char == 0 and where.end_line > where.start_line
    if not whole or _whole_lines(where) != (span.start, span.end):
        return None
    return text if not text or text.endswith("\n") else f"{text}\n"
