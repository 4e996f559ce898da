"""A folder of raw GitHub REST objects, as the tool github-metadata-backup writes it.

`pulls/N.json` holds `{type, pull, events, comments}`; each leaves verbatim as one payload. Issues
are left alone. Layout: https://github.com/0xB10C/github-metadata-backup
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from mining.repository import open_repository
from mining.sources import RawPayload
from mining.sources.github_objects import (
    GHOST,
    Comment,
    Event,
    Pull,
    Time,
    decode,
    kind_of,
    login_of,
)
from mining.sources.github_threads import read_threads
from postil.errors import PayloadError, SourceError
from postil.records import Change, PullRequest, Review, ReviewThread, Revision

__all__ = ["Archive", "read"]

VOTES = {"APPROVED": 2, "CHANGES_REQUESTED": -1}
"""On Gerrit's scale; any other review is a look."""

UNSENT = "PENDING"

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
        self.clone = clone.expanduser().resolve() if clone else None
        if self.clone:
            with open_repository(self.clone):
                pass
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
                yield str(number), None, body
                continue
            moved = dates.closed_at or dates.updated_at
            touched = max((t for t in (moved, dates.updated_at) if t), default=None)
            if (until and moved and moved > until) or (since and touched and touched < since):
                continue
            yield str(number), moved, body

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
    pull = record.pull
    author = login_of(pull.user)
    events: list[Event] = _each(record.events, Event, "event", dropped)
    comments: list[Comment] = _each(record.comments, Comment, "comment", dropped)
    dropped.update("comment on a commit" for e in events if e.event == "line-commented")
    threads = read_threads(comments, pull.repo, pull.number, author, dropped)
    return Change(
        pull=_pull_request(pull, author, _revisions(pull, events, comments)),
        threads=tuple(threads),
        reviews=tuple(_reviews(events, threads, author)),
        merged_by=_merged_by(pull, events),
    )


def _each(raws: Iterable[msgspec.Raw], kind: type[T], what: str, dropped: Counter[str]) -> list[T]:
    found: list[T] = []
    for raw in raws:
        try:
            found.append(decode(raw, kind, what))
        except PayloadError:
            dropped[f"malformed {what}"] += 1
    return found


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
    told += [(c.created_at, False, c.original_commit_id) for c in comments]
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
            )
            looks.setdefault((review.reviewer, review.revision), []).append(review)
    for thread in threads:
        if thread.author_kind == "person" and (thread.author, thread.revision) not in looks:
            review = Review(
                reviewer=thread.author,
                association=thread.association,
                revision=thread.revision,
                at=thread.created_at,
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
