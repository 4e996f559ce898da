"""One change of Gerrit's NoteDb, as the gerrit source stores it -> a `Change`. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from mining.objects import EMPTY_TREE
from mining.sources.notedb_comments import NoteText, Written, read_notes, read_threads
from mining.sources.notedb_log import Event, LogEntry, closing_of, read_entry
from postil.errors import PayloadError
from postil.records import Change, PullRequest, Review, Revision

FORMAT = 1
"""Of the payload; raised when a stored one would have to be read differently."""

SERVERS = {"173816e5-2b9a-37c3-8a2e-48639d4f1153": "https://gerrit-review.googlesource.com"}
"""Gerrit servers by the id they write into every ident; read off their changes in git."""

SERVER_ID = re.compile(r"<\d+@([^>]+)>")


class NoteDbPayload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that git holds of one change, verbatim. The log is oldest first."""

    format: int
    repo: str
    number: int
    remote: str | None
    """URL of the clone's remote, without any password."""
    log: tuple[LogEntry, ...]
    notes: tuple[NoteText, ...]
    robot_notes: tuple[NoteText, ...]
    patch_sets: dict[str, str]
    """The commit of each patch set that has a ref, by number."""
    parents: dict[str, tuple[str, ...] | None]
    """Parents of every commit of a patch set; None where the commit is gone."""


def read(body: bytes, dropped: Counter[str] | None = None) -> Change:
    """Read one payload; comments on no line of a file are left out, counted in `dropped`."""
    dropped = Counter() if dropped is None else dropped
    payload = _decode(body)
    events = [read_entry(entry) for entry in payload.log]
    owner = events[0].who or "gerrit"
    url = _change_url(payload)
    revisions = _revisions(payload, events)
    shas = {revision.number: revision.sha for revision in revisions}
    written = read_notes((*payload.notes, *payload.robot_notes), owner, shas, dropped)
    closing = closing_of(events)
    pull = PullRequest(
        repo=payload.repo,
        number=payload.number,
        title=next((e.subject for e in reversed(events) if e.subject), ""),
        author=owner,
        url=url,
        created_at=events[0].at,
        closed_at=closing.at,
        merged_at=closing.at if closing.state == "merged" else None,
        state=closing.state,
        revisions=revisions,
    )
    threads = read_threads(written, payload.repo, payload.number, url, payload.parents, dropped)
    return Change(
        pull=pull,
        threads=tuple(threads),
        reviews=tuple(_reviews(events, written, owner, shas)),
        merged_by=closing.by if closing.state == "merged" else None,
    )


def _decode(body: bytes) -> NoteDbPayload:
    try:
        payload = msgspec.json.decode(body, type=NoteDbPayload)
    except msgspec.DecodeError as error:
        raise PayloadError(f"not a change of NoteDb: {error}") from error
    if payload.format != FORMAT or not payload.log:
        raise PayloadError(f"change {payload.number}: no log, or in another format")
    return payload


def _revisions(payload: NoteDbPayload, events: Sequence[Event]) -> tuple[Revision, ...]:
    """The patch sets, from refs and log; one that the log deleted again is none."""
    shas = {int(number): sha for number, sha in payload.patch_sets.items()}
    pushed: dict[int, datetime] = {}
    for event in events:
        if event.patch_set is None:
            continue
        if event.deleted:
            shas.pop(event.patch_set, None)
        elif event.commit:
            shas[event.patch_set] = event.commit
            pushed[event.patch_set] = event.at
    return tuple(
        Revision(
            number=number,
            sha=sha,
            base_sha=_base(payload.parents.get(sha)),
            pushed_at=pushed.get(number),
        )
        for number, sha in sorted(shas.items())
    )


def _base(parents: Sequence[str] | None) -> str:
    """What Gerrit compares a patch set with; "" where its commit is gone."""
    if parents is None:
        return ""
    return parents[0] if parents else EMPTY_TREE


def _reviews(
    events: Sequence[Event],
    written: Sequence[Written],
    owner: str,
    shas: Mapping[int, str],
) -> list[Review]:
    """Who looked at what: each Code-Review vote, and each batch of comments by a reviewer.

    Nobody reviews their own change by commenting on it, but their votes show what they may do.
    """
    looks: dict[tuple[datetime, str, str], int] = {}
    for event in events:
        sha = shas.get(event.patch_set or 0)
        if event.automatic or event.vote is None or event.who is None or sha is None:
            continue
        if event.vote or not (event.who == owner or event.commit):
            looks[event.at, event.who, sha] = event.vote
    for comment in written:
        if comment.kind == "person":
            looks.setdefault((comment.at, comment.who, comment.revision), 0)
    return [
        Review(reviewer=who, revision=sha, at=at, vote=vote)
        for (at, who, sha), vote in sorted(looks.items())
    ]


def _change_url(payload: NoteDbPayload) -> str:
    """Where people see the change; `gerrit:REPO/+/NUMBER` where the server is not known."""
    remote = urlsplit(payload.remote or "")
    host = remote.hostname or ""
    project = remote.path.strip("/").removesuffix(".git").removeprefix("a/")
    match = SERVER_ID.search(payload.log[0].author)
    root = SERVERS.get(match[1] if match else "")
    if host.endswith(".googlesource.com"):
        name = host.removesuffix(".googlesource.com").removesuffix("-review")
        root = f"https://{name}-review.googlesource.com"
    elif root:
        project = payload.repo.rpartition("/")[2]
    if root is None:
        return f"gerrit:{payload.repo}/+/{payload.number}"
    return f"{root}/c/{project}/+/{payload.number}"
