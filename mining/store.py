"""What was fetched, verbatim, so that every later file can be rebuilt (SQLAlchemy Core).

SQLite by default, Postgres by URL. Bodies enter and leave as bytes; nothing here reads them. A
batch is one transaction, so a run that is cut short keeps all that it had fetched.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import msgspec
import sqlalchemy as sa

from mining.curation import Decision, by_origin
from mining.database import Database, open_database
from mining.schema import (
    COMMITS,
    DECISIONS,
    MARKS,
    OPTED_OUT,
    PAYLOADS,
    SCHEMA,
    SOURCES,
    VETOED,
)
from mining.sources import RawPayload

BATCH = 100
"""Payloads a transaction."""


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """One change as its source gave it."""

    source: str
    repo: str
    key: str
    updated_at: datetime | None
    fetched_at: datetime
    body: bytes


class MinedSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where a repository was mined from, and the clone that holds its commits."""

    source: str
    repo: str
    where: str
    clone: Path | None


class SaveTally(msgspec.Struct, frozen=True):
    """How many payloads were new, had another body than before, or were known already."""

    new: int = 0
    changed: int = 0
    same: int = 0

    def __add__(self, other: "SaveTally") -> "SaveTally":
        return SaveTally(self.new + other.new, self.changed + other.changed, self.same + other.same)


class Store:
    """A database of payloads. A context manager: leaving it closes the connections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def save(self, source: str, repo: str, items: Iterable[RawPayload]) -> SaveTally:
        """Store payloads in batches as they come; a body seen before is not written again.

        The last mark of a batch is stored in its transaction, so that a run which is killed goes
        on behind what it had stored.
        When `items` raises (Ctrl-C too), what had come before is stored, then it raises on.
        """
        tally = SaveTally()
        pending: list[RawPayload] = []
        try:
            for item in items:
                pending.append(item)
                if len(pending) == BATCH or item.mark is not None:
                    batch, pending = pending, []
                    tally += self._save_batch(source, repo, batch)
        finally:
            if pending:
                tally += self._save_batch(source, repo, pending)
        return tally

    def compare(self, source: str, repo: str, items: Iterable[RawPayload]) -> SaveTally:
        """What `save` would count; nothing is written."""
        tally = SaveTally()
        with self._database.reading() as connection:
            known = _digests(connection, source, repo)
        for item in items:
            key, body = item.key, item.body
            same = known.get(key) == hashlib.sha256(body).hexdigest()
            tally += SaveTally(int(key not in known), int(key in known and not same), int(same))
        return tally

    def payloads(self, source: str | None = None, repo: str | None = None) -> Iterator[Payload]:
        """Every payload, by source, repository and key (9 before 10); of all sources or of one."""
        columns = PAYLOADS.c
        by_number = (sa.func.length(columns.key), columns.key)
        query = sa.select(PAYLOADS).order_by(columns.source, columns.repo, *by_number)
        if source is not None:
            query = query.where(PAYLOADS.c.source == source)
        if repo is not None:
            query = query.where(PAYLOADS.c.repo == repo)
        with self._database.reading() as connection:
            streaming = connection.execution_options(yield_per=BATCH)
            with streaming.execute(query) as rows:
                for row in rows:
                    yield Payload(
                        source=row.source,
                        repo=row.repo,
                        key=row.key,
                        updated_at=row.updated_at,
                        fetched_at=row.fetched_at,
                        body=bytes(row.body),
                    )

    def remember(self, mined: MinedSource) -> None:
        """Note where a repository was mined from; a later place replaces an earlier one."""
        row = {
            "source": mined.source,
            "repo": mined.repo,
            "where": mined.where,
            "clone": str(mined.clone) if mined.clone else None,
        }
        with self._database.writing() as connection:
            self._database.upsert(connection, SOURCES, [row])

    def sources(self) -> list[MinedSource]:
        """Every repository mined so far."""
        query = sa.select(SOURCES).order_by(SOURCES.c.repo, SOURCES.c.source)
        with self._database.reading() as connection:
            return [
                MinedSource(
                    source=row.source,
                    repo=row.repo,
                    where=row.where,
                    clone=Path(row.clone) if row.clone else None,
                )
                for row in connection.execute(query)
            ]

    def mark(self, source: str, repo: str) -> str | None:
        """Where the next run may begin; None: at the beginning."""
        with self._database.reading() as connection:
            mine = sa.select(MARKS.c.mark).where(_of(MARKS, source, repo))
            return connection.execute(mine).scalar()

    def names_commits(self, source: str, repo: str) -> bool:
        """Whether any commit was ever noted of what is stored of a source."""
        query = sa.select(COMMITS.c.id).where(_of(COMMITS, source, repo)).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def name_commits(self, source: str, repo: str, ids: Iterable[str]) -> None:
        """Note all of these commits, or none."""
        every = list(ids)
        with self._database.writing() as connection:
            self._name(connection, source, repo, every)

    def commits(self, source: str, repo: str) -> list[str]:
        """The ids of the commits that changes tell of, but for those that are gone."""
        wanted = _of(COMMITS, source, repo) & COMMITS.c.gone.is_(False)
        with self._database.reading() as connection:
            return list(connection.execute(sa.select(COMMITS.c.id).where(wanted)).scalars())

    def lose_commit(self, source: str, repo: str, one: str) -> None:
        """Note that the host does not have it any more."""
        mine = _of(COMMITS, source, repo) & (COMMITS.c.id == one)
        with self._database.writing() as connection:
            connection.execute(sa.update(COMMITS).where(mine).values(gone=True))

    def digest(self, repo: str) -> str:
        """sha256 over all that is stored of a repository and decided about it; no body is read."""
        columns = (PAYLOADS.c.source, PAYLOADS.c.key, PAYLOADS.c.digest)
        query = sa.select(*columns).where(PAYLOADS.c.repo == repo).order_by(*columns[:2])
        whole = hashlib.sha256()
        with self._database.reading() as connection:
            for row in connection.execute(query):
                whole.update("\0".join((*row, "\n")).encode())
        vetoed = self.vetoed(repo)
        wishes = (self.decisions(repo), self.opted_out(repo), *([vetoed] if vetoed else []))
        whole.update(msgspec.json.encode(wishes, order="deterministic"))
        return whole.hexdigest()

    def opt_out(self, repo: str, author: str) -> None:
        """Note that nothing is learned any more from what somebody wrote."""
        row = {"repo": repo, "author": author, "at": datetime.now(UTC)}
        with self._database.writing() as connection:
            self._database.upsert(connection, OPTED_OUT, [row])

    def opt_in(self, repo: str, author: str) -> bool:
        """Take that back; False where there was nothing to take back."""
        mine = (OPTED_OUT.c.repo == repo) & (OPTED_OUT.c.author == author)
        with self._database.writing() as connection:
            return connection.execute(sa.delete(OPTED_OUT).where(mine)).rowcount > 0

    def opted_out(self, repo: str) -> tuple[str, ...]:
        """Whose remarks teach nothing, by their own wish."""
        query = sa.select(OPTED_OUT.c.author).where(OPTED_OUT.c.repo == repo)
        with self._database.reading() as connection:
            return tuple(sorted(connection.execute(query).scalars()))

    def veto(self, repo: str, urls: Iterable[str]) -> bool:
        """Let these be all remarks that are not learned from because people refused them when they
        were said again; whether that is a change."""
        wanted = sorted(set(urls))
        if wanted == list(self.vetoed(repo)):
            return False
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            connection.execute(sa.delete(VETOED).where(VETOED.c.repo == repo))
            if wanted:
                rows = [{"repo": repo, "url": url, "at": now} for url in wanted]
                self._database.upsert(connection, VETOED, rows)
        return True

    def vetoed(self, repo: str) -> tuple[str, ...]:
        """Addresses of the remarks that outcomes keep from being learned from."""
        query = sa.select(VETOED.c.url).where(VETOED.c.repo == repo)
        with self._database.reading() as connection:
            return tuple(sorted(connection.execute(query).scalars()))

    def decide(self, repo: str, decision: Decision) -> None:
        """Keep what a person decided about one example; a later decision replaces it."""
        row = {"repo": repo, "at": datetime.now(UTC), **msgspec.structs.asdict(decision)}
        with self._database.writing() as connection:
            self._database.upsert(connection, DECISIONS, [row])

    def undecide(self, repo: str, origin: str) -> None:
        """Forget a decision."""
        mine = (DECISIONS.c.repo == repo) & (DECISIONS.c.origin == origin)
        with self._database.writing() as connection:
            connection.execute(sa.delete(DECISIONS).where(mine))

    def decisions(self, repo: str) -> dict[str, Decision]:
        """Every decision by what it is about."""
        columns = (DECISIONS.c.origin, DECISIONS.c.verdict, DECISIONS.c.text)
        query = sa.select(*columns).where(DECISIONS.c.repo == repo).order_by(DECISIONS.c.origin)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings()
            return by_origin(Decision(**row) for row in rows)

    def _save_batch(self, source: str, repo: str, items: Sequence[RawPayload]) -> SaveTally:
        now = datetime.now(UTC)
        rows = {
            item.key: {
                "source": source,
                "repo": repo,
                "key": item.key,
                "updated_at": item.moved,
                "fetched_at": now,
                "digest": hashlib.sha256(item.body).hexdigest(),
                "body": item.body,
            }
            for item in items
        }
        with self._database.writing() as connection:
            known = _digests(connection, source, repo, list(rows))
            fresh = [row for key, row in rows.items() if known.get(key) != row["digest"]]
            if fresh:
                self._database.upsert(connection, PAYLOADS, fresh)
            self._name(connection, source, repo, (one for item in items for one in item.commits))
            marks = [item.mark for item in items if item.mark is not None]
            if marks:
                row = {"source": source, "repo": repo, "mark": marks[-1]}
                self._database.upsert(connection, MARKS, [row])
        new = len(rows) - len(known)
        return SaveTally(new, len(fresh) - new, len(rows) - len(fresh))

    def _name(self, connection: sa.Connection, source: str, repo: str, ids: Iterable[str]) -> None:
        rows = [
            {"source": source, "repo": repo, "id": one, "gone": False} for one in dict.fromkeys(ids)
        ]
        if rows:
            connection.execute(self._database.insert(COMMITS).on_conflict_do_nothing(), rows)


def _of(table: sa.Table, source: str, repo: str) -> sa.ColumnElement[bool]:
    """Rows of one source."""
    return (table.c.source == source) & (table.c.repo == repo)


def _digests(
    connection: sa.Connection, source: str, repo: str, keys: Sequence[str] | None = None
) -> dict[str, str]:
    """The digest of every stored payload of a source, or of those with these keys."""
    asked = _of(PAYLOADS, source, repo)
    if keys is not None:
        asked &= PAYLOADS.c.key.in_(keys)
    query = sa.select(PAYLOADS.c.key, PAYLOADS.c.digest).where(asked)
    return {row.key: row.digest for row in connection.execute(query)}


def open_store(url: str) -> Store:
    """Open the database at an SQLAlchemy URL, made if it is new; ConfigError if it cannot be."""
    return Store(open_database(url, SCHEMA))
