"""The tables behind the door: deliveries and what became of them, drafts, workers, writes.

SQLite (WAL, synchronous=FULL: a commit survives power loss) or Postgres by URL. A database of an
earlier release is given the columns that it lacks.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy import event

from bot.door.delivery import State

BUSY_MS = 5000
"""How long a writer waits for another process that writes to the same SQLite file."""

tables = sa.MetaData()
deliveries = sa.Table(
    "deliveries",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("delivery", sa.String(100), nullable=False, unique=True),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("repo", sa.String(200), nullable=False),
    sa.Column("pull", sa.Integer, nullable=False),
    sa.Column("head_sha", sa.String(64), nullable=False),
    sa.Column("actor", sa.String(100), nullable=False, server_default=""),
    sa.Column("comment", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("state", sa.Enum(*get_args(State), native_enum=False), nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("waits", sa.Integer, nullable=False),
    sa.Column("not_before", sa.Float, nullable=False),
    sa.Column("detail", sa.String(500), nullable=False),
    sa.Column("received_at", sa.Float, nullable=False),
    sa.Column("changed_at", sa.Float, nullable=False),
    sa.Index("deliveries_by_state", "state", "not_before"),
    sa.Index("deliveries_by_pull", "repo", "pull"),
)
moves = sa.Table(
    "moves",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("delivery", sa.String(100), nullable=False, index=True),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("detail", sa.String(500), nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
drafts = sa.Table(
    "drafts",
    tables,
    sa.Column("repo", sa.String(200), primary_key=True),
    sa.Column("pull", sa.Integer, primary_key=True),
    sa.Column("head_sha", sa.String(64), primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("made_at", sa.Float, nullable=False),
    sa.Column("posted_at", sa.Float),
)
pauses = sa.Table(
    "pauses",
    tables,
    sa.Column("repo", sa.String(200), primary_key=True),
    sa.Column("pull", sa.Integer, primary_key=True),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
workers = sa.Table(
    "workers",
    tables,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("beat_at", sa.Float, nullable=False),
)
judged = sa.Table(
    "judged",
    tables,
    sa.Column("repo", sa.String(200), primary_key=True),
    sa.Column("pull", sa.Integer, primary_key=True),
    sa.Column("closed_at", sa.Float, nullable=False),
    sa.Column("judged_at", sa.Float, nullable=False),
)
outcomes = sa.Table(
    "outcomes",
    tables,
    sa.Column("repo", sa.String(200), primary_key=True),
    sa.Column("pull", sa.Integer, primary_key=True),
    sa.Column("said_by", sa.String(10), primary_key=True),
    sa.Column("key", sa.String(160), primary_key=True),
    sa.Column("verdict", sa.String(20), nullable=False),
    sa.Column("closed_at", sa.Float, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
alarms = sa.Table(
    "alarms",
    tables,
    sa.Column("repo", sa.String(200), primary_key=True),
    sa.Column("adapter", sa.String(100), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("text", sa.String(500), nullable=False),
    sa.Column("worse", sa.Boolean, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
falls = sa.Table(
    "falls",
    tables,
    sa.Column("repo", sa.String(200), primary_key=True),
    sa.Column("adapter", sa.String(100), primary_key=True),
    sa.Column("to", sa.String(100), nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("text", sa.String(500), nullable=False),
)
writes = sa.Table(
    "writes",
    tables,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("account", sa.String(100), nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Index("writes_by_account", "account", "at"),
)


class Database:
    """The tables at one address. Safe to share between threads; writers take turns."""

    def __init__(self, url: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.engine = open_engine(url)
        self._now = now
        self._turn = threading.Lock()
        tables.create_all(self.engine)
        _add_columns(self.engine)

    def now(self) -> float:
        """Seconds since 1970."""
        return self._now().timestamp()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection to read by."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction."""
        with self._turn, self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_engine(url: str) -> sa.Engine:
    """An engine whose commits are on the disk when they return."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _make_durable)
    return engine


def _make_durable(connection: Any, _record: Any) -> None:
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _add_columns(engine: sa.Engine) -> None:
    """What `deliveries` of an earlier release lacks."""
    known = {column["name"] for column in sa.inspect(engine).get_columns(deliveries.name)}
    kinds = {"actor": "VARCHAR(100) NOT NULL DEFAULT ''", "comment": "BIGINT NOT NULL DEFAULT 0"}
    with engine.begin() as connection:
        for name in kinds.keys() - known:
            connection.execute(
                sa.text(f"ALTER TABLE {deliveries.name} ADD COLUMN {name} {kinds[name]}")
            )
