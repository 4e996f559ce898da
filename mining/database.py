"""SQLite or Postgres behind the store: transactions, rows that replace others, opening."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from postil.errors import ConfigError, StoreError

BUSY_S = 30
"""Seconds to wait for another process that writes to the same SQLite file."""


class Database:
    """One database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One connection."""
        with _said_plainly(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction."""
        with _said_plainly(), self._engine.begin() as connection:
            yield connection

    def insert(self, table: sa.Table) -> Any:
        """The statement of this family of databases, which knows of conflicts."""
        family = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        return family.insert(table)

    def upsert(
        self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]
    ) -> None:
        """Insert, or replace the row with the same key: two miners at once do no harm."""
        insert = self.insert(table)
        keys = [column.name for column in table.primary_key]
        values = {
            column.name: insert.excluded[column.name]
            for column in table.columns
            if column.name not in keys
        }
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=values), rows)


@contextmanager
def _said_plainly() -> Iterator[None]:
    """A database that goes away, is full or is locked is one line."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        reason = str(error.orig).strip().split("\n")[0]
        raise StoreError(
            f"the store fails: {reason}; what was stored before is kept, the same command goes on"
        ) from error


def open_database(url: str, schema: sa.MetaData) -> Database:
    """Open the database at an SQLAlchemy URL, with its tables; ConfigError if it cannot be."""
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise ConfigError(
            "the database URL is none; like sqlite:///FILE, postgresql://…"
        ) from error
    shown = address.render_as_string(hide_password=True)
    if address.drivername in ("postgres", "postgresql"):
        address = address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(f"{shown}: the store is SQLite or Postgres")
    try:
        if address.get_backend_name() == "sqlite" and address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(address)
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _prepare_sqlite)
        schema.create_all(engine)
    except (sa.exc.SQLAlchemyError, OSError, ModuleNotFoundError) as error:
        reason = str(getattr(error, "orig", None) or error).split("\n")[0]
        raise ConfigError(f"{shown}: the store cannot be opened: {reason}") from error
    return Database(engine)


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    """Readers do not wait for a writer, and a writer waits for another."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA busy_timeout={BUSY_S * 1000}")
