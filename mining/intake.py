"""From a source into the store, with tallies of what came in.

What is stored is what the source gave; the tallies come from reading each payload once on the
way. A payload that cannot be read is stored and counted all the same.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from mining.reviewed_commits import reviewed_commits
from mining.sources import Brought, Fetching, RawPayload, Read, Resumable, Source
from mining.store import MinedSource, SaveTally, Store
from postil.errors import PayloadError, SourceError
from postil.records import Change

log = logging.getLogger(__name__)

UNREADABLE = "change that cannot be read"


@dataclass
class Intake:
    """What came in so far; it tells the truth in the middle of a run as well."""

    changes: int = 0
    threads: int = 0
    by: Counter[str] = field(default_factory=Counter)
    """Threads by who began them: person, bot, or self (the change's author)."""
    left_out: Counter[str] = field(default_factory=Counter)
    newest: datetime | None = None
    brought: Brought = field(default_factory=Brought)
    """Commits that were asked for by their ids."""

    def watch(
        self,
        payloads: Iterator[RawPayload],
        read: Read,
        step: Callable[[], None],
        *,
        naming: bool = False,
    ) -> Iterator[RawPayload]:
        """Pass payloads on, counting what is in them; `step` is called for each.

        `naming`: with the commits that they name.
        """
        for payload in payloads:
            change = self._count(payload.key, payload.body, read)
            if payload.moved and (self.newest is None or payload.moved > self.newest):
                self.newest = payload.moved
            step()
            named = reviewed_commits(change) if naming and change else ()
            yield payload._replace(commits=named)

    def _count(self, key: str, body: bytes, read: Read) -> Change | None:
        self.changes += 1
        try:
            change = read(body, self.left_out)
        except PayloadError as error:
            self.left_out[UNREADABLE] += 1
            log.info("left out change=%s reason=%s", key, error)
            return None
        self.threads += len(change.threads)
        self.by.update(thread.author_kind for thread in change.threads)
        return change


def go_on(store: Store, source: Source) -> None:
    """Let a source begin behind what is stored of it, where it can."""
    mark = store.mark(source.kind, source.repo)
    if mark is not None and isinstance(source, Resumable):
        source.resume(mark)


def take_in(
    store: Store,
    source: Source,
    read: Read,
    where: str,
    since: datetime | None,
    until: datetime | None,
    intake: Intake,
    step: Callable[[], None],
) -> SaveTally:
    """Fetch all of a source into the store, then the commits that it names into its clone.

    `intake` is filled on the way. The commits are asked for even where no change is new: an earlier
    run may have failed there. Raise SourceError where there were changes and none could be read.
    """
    store.remember(
        MinedSource(source=source.kind, repo=source.repo, where=where, clone=source.clone)
    )
    fetching = isinstance(source, Fetching)
    if fetching and not store.names_commits(source.kind, source.repo):
        store.name_commits(source.kind, source.repo, _named_before(store, source, read))
    go_on(store, source)
    payloads = intake.watch(source.fetch(since, until), read, step, naming=fetching)
    saved = store.save(source.kind, source.repo, payloads)
    if intake.changes and intake.left_out[UNREADABLE] == intake.changes:
        raise SourceError(f"{where}: none of its {intake.changes} changes can be read")
    if isinstance(source, Fetching) and source.clone:
        lost = partial(store.lose_commit, source.kind, source.repo)
        intake.brought = source.fetch_commits(store.commits(source.kind, source.repo), lost)
        log.info("commits by id repo=%s %s", source.repo, intake.brought)
    return saved


def _named_before(store: Store, source: Source, read: Read) -> Iterator[str]:
    """The commits that changes name which were stored before such were noted."""
    for payload in store.payloads(source.kind, source.repo):
        with contextlib.suppress(PayloadError):
            yield from reviewed_commits(read(payload.body))
