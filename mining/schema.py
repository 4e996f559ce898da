"""The tables of the store."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware time in UTC; SQLite keeps no zone of its own."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


SCHEMA = sa.MetaData()
PAYLOADS = sa.Table(
    "payloads",
    SCHEMA,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("repo", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("updated_at", UtcTime),
    sa.Column("fetched_at", UtcTime, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
SOURCES = sa.Table(
    "sources",
    SCHEMA,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("repo", sa.String, primary_key=True),
    sa.Column("where", sa.String, nullable=False),
    sa.Column("clone", sa.String),
)
MARKS = sa.Table(
    "marks",
    SCHEMA,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("repo", sa.String, primary_key=True),
    sa.Column("mark", sa.String, nullable=False),
)
COMMITS = sa.Table(
    "commits",
    SCHEMA,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("repo", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("gone", sa.Boolean, nullable=False),
)

DECISIONS = sa.Table(
    "decisions",
    SCHEMA,
    sa.Column("repo", sa.String, primary_key=True),
    sa.Column("origin", sa.String, primary_key=True),
    sa.Column("verdict", sa.String, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)
OPTED_OUT = sa.Table(
    "opted_out",
    SCHEMA,
    sa.Column("repo", sa.String, primary_key=True),
    sa.Column("author", sa.String, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
)
VETOED = sa.Table(
    "vetoed",
    SCHEMA,
    sa.Column("repo", sa.String, primary_key=True),
    sa.Column("url", sa.String, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
)
