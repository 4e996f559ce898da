"""A folder of raw GitHub REST objects, as the tool github-metadata-backup writes it.

`pulls/N.json` holds `{type, pull, events, comments}`; each leaves verbatim as one payload. Issues
are left alone. Layout: https://github.com/0xB10C/github-metadata-backup
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from mining.repository import checked_clone
from mining.sources import RawPayload
from mining.sources.github_change import assemble
from mining.sources.github_objects import Comment, Event, Pull, Time, decode
from postil.errors import PayloadError, SourceError
from postil.records import Change

__all__ = ["Archive", "read"]

T = TypeVar("T", Event, Comment)


class Record(msgspec.Struct, frozen=True):
    """One file; each event and comment may fail alone."""

    pull: Pull
    events: tuple[msgspec.Raw, ...] = ()
    comments: tuple[msgspec.Raw, ...] = ()


class Dates(msgspec.Struct, frozen=True):
    """When a pull request moved, and where it is."""

    url: str = ""
    updated_at: Time | None = None
    closed_at: Time | None = None


class Head(msgspec.Struct, frozen=True):
    """As much of a file as fetching needs."""

    pull: Dates


class State(msgspec.Struct, frozen=True):
    """What the backup tool says of its last run, in `state.json`, written when it ends."""

    version: int


class Archive:
    """The pull requests of an archive at `where`. `clone` holds the repository's commits."""

    kind = "archive"

    def __init__(self, where: str, clone: Path | None, repo: str | None) -> None:
        folder = Path(where).expanduser().resolve()
        self._files = _pull_files(folder)
        _check_state(folder / "state.json")
        self.clone = checked_clone(clone)
        self.repo = repo or self._find_repo(folder)

    def __len__(self) -> int:
        return len(self._files)

    def fetch(self, since: datetime | None, until: datetime | None) -> Iterator[RawPayload]:
        """One payload a pull request, with when it last moved: closed ones, when they closed.

        `until` goes by that time, so that a late remark does not hide a pull request closed
        before; `since` by any change at all. A file that cannot be read has no time and is
        always given: `read` says what is wrong with it.
        """
        for number, file in self._files:
            body = _read_file(file)
            try:
                dates: Dates = decode(body, Head, file.name).pull
            except PayloadError:
                yield RawPayload(str(number), None, body)
                continue
            moved = dates.closed_at or dates.updated_at
            touched = max((t for t in (moved, dates.updated_at) if t), default=None)
            if (until and moved and moved > until) or (since and touched and touched < since):
                continue
            yield RawPayload(str(number), moved, body)

    def _find_repo(self, folder: Path) -> str:
        for _, file in self._files:
            try:
                return str(decode(_read_file(file), Record, file.name).pull.repo)
            except PayloadError:
                continue
        raise SourceError(f"{folder}: not one pull request in it can be read")


def _pull_files(folder: Path) -> list[tuple[int, Path]]:
    """The records by number."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: not a folder; an archive is one, with pulls/ in it")
    files = [(int(f.stem), f) for f in folder.glob("pulls/*.json") if f.stem.isdecimal()]
    if not files:
        raise SourceError(f"{folder}: an empty archive: no pulls/NUMBER.json in it")
    return sorted(files)


def _check_state(file: Path) -> None:
    """A run of the backup tool that was cut off leaves a state that cannot be read, or none."""
    if not file.exists():
        return
    try:
        decode(_read_file(file), State, file.name)
    except PayloadError as error:
        raise SourceError(f"{file}: truncated archive, run the backup again: {error}") from error


def _read_file(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SourceError(f"{file}: cannot be read: {error.strerror}") from error


def read(body: bytes, dropped: Counter[str] | None = None) -> Change:
    """Read one payload; comments and events that cannot be read are counted in `dropped`."""
    dropped = Counter() if dropped is None else dropped
    record: Record = decode(body, Record, "not a pull request of an archive")
    events: list[Event] = _each(record.events, Event, "event", dropped)
    comments: list[Comment] = _each(record.comments, Comment, "comment", dropped)
    dropped.update("comment on a commit" for e in events if e.event == "line-commented")
    return assemble(record.pull, events, comments, dropped)


def _each(raws: Iterable[msgspec.Raw], kind: type[T], what: str, dropped: Counter[str]) -> list[T]:
    found: list[T] = []
    for raw in raws:
        try:
            found.append(decode(raw, kind, what))
        except PayloadError:
            dropped[f"malformed {what}"] += 1
    return found
