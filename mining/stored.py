"""The store -> changes of one repository, and the clone they belong to.

A payload that cannot be read any more is counted and left out; the rest goes on.
"""

import importlib
import logging
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path

import msgspec

from mining.curation import Decision
from mining.repository import Repository, open_repository
from mining.sources import KINDS, Read
from mining.store import MinedSource, Store
from postil.errors import PayloadError, SourceError, UsageError
from postil.records import Change
from postil.settings import MiningSettings

log = logging.getLogger(__name__)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one repository."""

    repo: str
    changes: tuple[Change, ...]
    clone: Path | None
    unreadable: Counter[str]
    opted_out: tuple[str, ...] = ()
    vetoed: tuple[str, ...] = ()
    decisions: dict[str, Decision] = {}

    def repository(self) -> AbstractContextManager[Repository | None]:
        """The clone, open inside; None where the source came without one."""
        return open_repository(self.clone) if self.clone else nullcontext()

    def with_wishes(self, settings: MiningSettings) -> MiningSettings:
        """The settings, and nobody taught from who opted out in the store, nor what was vetoed."""
        out = (*settings.opted_out, *self.opted_out)
        vetoed = (*settings.vetoed, *self.vetoed)
        return msgspec.structs.replace(settings, opted_out=out, vetoed=vetoed)


def read_stored(store: Store, repo: str | None, *, until: datetime | None = None) -> Stored:
    """All changes of `repo` (of the only one, if none is named), closed by `until`."""
    mined = _choose(store.sources(), repo)
    changes: list[Change] = []
    unreadable: Counter[str] = Counter()
    for one in mined:
        read = load_reader(one.source)
        for payload in store.payloads(source=one.source, repo=one.repo):
            try:
                change = read(payload.body)
            except PayloadError as error:
                unreadable[str(error).split(":")[-1].strip()] += 1
                log.info("unreadable source=%s key=%s", payload.source, payload.key)
                continue
            if until is None or (change.pull.closed_at or change.pull.created_at) <= until:
                changes.append(change)
    clones = [one.clone for one in mined if one.clone]
    return Stored(
        repo=mined[0].repo,
        changes=tuple(changes),
        clone=clones[0] if clones else None,
        unreadable=unreadable,
        opted_out=store.opted_out(mined[0].repo),
        vetoed=store.vetoed(mined[0].repo),
        decisions=store.decisions(mined[0].repo),
    )


def repo_of(store: Store, repo: str | None) -> str:
    """The repository that is meant: `repo`, or the only one that was mined."""
    return _choose(store.sources(), repo)[0].repo


def load_reader(kind: str) -> Read:
    """The function that reads payloads of a kind of source."""
    read: Read = importlib.import_module(KINDS[kind].partition(":")[0]).read
    return read


def _choose(mined: Iterable[MinedSource], repo: str | None) -> list[MinedSource]:
    known = list(mined)
    repos = sorted({one.repo for one in known})
    if not repos:
        raise SourceError("the store is empty: run `postil mine --source KIND:WHERE` first")
    if repo is None and len(repos) > 1:
        raise UsageError(f"name one with --repo: {', '.join(repos)}")
    wanted = repo or repos[0]
    if wanted not in repos:
        raise UsageError(f"{wanted} was never mined; mined were: {', '.join(repos)}")
    return [one for one in known if one.repo == wanted]
