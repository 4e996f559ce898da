"""Deliveries and drafts: what was acknowledged, how far it came, what the model said.

This is the truth: a delivery is committed here before it is acknowledged, and a queue that was
lost is refilled from here. SQLite (WAL, synchronous=FULL: a commit survives power loss) or
Postgres by URL.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from postil.errors import PayloadError
from postil.records import Draft, Record

State = Literal[
    "received",  # committed; waits for the pump, until `not_before` where that is set
    "debounced",  # in the queue; a later delivery of the same pull request may take its place
    "leased",  # a try has begun
    "drafted",  # what the model said is stored
    "posting",
    "posted",
    "superseded",  # a later delivery, or the state of the pull request, made it pointless
    "parked",  # a person has to mend something; redeliver it then
    "dead",  # given up after three tries; may be redelivered too
]
OPEN_STATES: tuple[State, ...] = ("received", "debounced", "leased", "drafted", "posting")
REVIVABLE: tuple[State, ...] = ("parked", "dead")
Receipt = Literal["new", "again", "duplicate"]

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


class Delivery(Record, frozen=True, kw_only=True):
    """One event about a pull request, as the door read it."""

    delivery: str
    action: str
    repo: str
    pull: int
    head_sha: str


class Job(Record, frozen=True, kw_only=True):
    """A delivery and how far it came. `number` is the order of arrival.

    `round` counts how often it was given to the queue anew, `tries` the failures, `waits` how
    often the host told us to come back later.
    """

    number: int
    delivery: str
    action: str
    repo: str
    pull: int
    head_sha: str
    state: State
    round: int
    tries: int
    waits: int
    not_before: float
    detail: str

    @property
    def workflow_id(self) -> str:
        """The delivery's id; later rounds of it get a number."""
        return self.delivery if self.round == 0 else f"{self.delivery}.{self.round}"


JOB_COLUMNS = tuple(deliveries.c[name] for name in Job.__struct_fields__)


class Inbox:
    """The two tables. Safe to share between threads; writers of one process take turns."""

    def __init__(self, url: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = open_engine(url)
        self._now = now
        self._turn = threading.Lock()
        tables.create_all(self._engine)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def accept(self, delivery: Delivery) -> Receipt:
        """Commit a delivery. A known one changes nothing, unless it had been given up."""
        now = self._now().timestamp()
        row = dict(msgspec.structs.asdict(delivery), state="received", round=0, tries=0, waits=0)
        row |= {"not_before": 0.0, "detail": "", "received_at": now, "changed_at": now}
        try:
            with self._write() as connection:
                connection.execute(deliveries.insert().values(row))
        except IntegrityError:
            return self._accept_again(delivery.delivery, now)
        return "new"

    def _accept_again(self, delivery: str, now: float) -> Receipt:
        given_up = (deliveries.c.delivery == delivery) & deliveries.c.state.in_(REVIVABLE)
        again = deliveries.update().where(given_up)
        with self._write() as connection:
            revived = connection.execute(
                again.values(
                    state="received",
                    round=deliveries.c.round + 1,
                    tries=0,
                    waits=0,
                    not_before=0.0,
                    detail="redelivered",
                    changed_at=now,
                )
            ).rowcount
        return "again" if revived else "duplicate"

    def job(self, delivery: str) -> Job:
        """One delivery; raise PayloadError for an id that was never accepted."""
        found = self._jobs(deliveries.c.delivery == delivery)
        if not found:
            raise PayloadError(f"no delivery {delivery}")
        return found[0]

    def due(self, limit: int = 100) -> list[Job]:
        """What may go to the queue now, oldest first."""
        now = self._now().timestamp()
        ripe = (deliveries.c.state == "received") & (deliveries.c.not_before <= now)
        return self._jobs(ripe, limit)

    def unfinished(self) -> list[Job]:
        """What was given to the queue and has not come to an end."""
        return self._jobs(deliveries.c.state.in_(OPEN_STATES[1:]))

    def later_waits(self, job: Job) -> bool:
        """Whether a later delivery of the same pull request has not begun yet."""
        same = (deliveries.c.repo == job.repo) & (deliveries.c.pull == job.pull)
        waiting = deliveries.c.state.in_(("received", "debounced"))
        return bool(self._jobs(same & waiting & (deliveries.c.number > job.number), 1))

    def count(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        query = sa.select(deliveries.c.state, sa.func.count()).group_by(deliveries.c.state)
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def move(self, job: Job, state: State, detail: str = "", **columns: float) -> bool:
        """Set a delivery's state; False where another process moved it on since `job` was read.

        `columns` may set round, tries, waits and not_before.
        """
        same = (deliveries.c.delivery == job.delivery) & (deliveries.c.round == job.round)
        still = same & deliveries.c.state.in_(OPEN_STATES)
        values: dict[str, Any] = {"state": state, "detail": detail[:500], **columns}
        values["changed_at"] = self._now().timestamp()
        with self._write() as connection:
            return connection.execute(deliveries.update().where(still).values(values)).rowcount > 0

    def draft(self, repo: str, pull: int, head_sha: str) -> Draft | None:
        """What the model said for this head, if it was asked."""
        query = sa.select(drafts.c.body).where(_draft_key(repo, pull, head_sha))
        with self._engine.connect() as connection:
            body = connection.execute(query).scalar()
        return None if body is None else msgspec.json.decode(body, type=Draft)

    def save_draft(self, draft: Draft) -> None:
        """Keep a draft; the first one for a head stays."""
        row = {"repo": draft.repo, "pull": draft.pull, "head_sha": draft.head_sha}
        row |= {"body": msgspec.json.encode(draft), "made_at": self._now().timestamp()}
        try:
            with self._write() as connection:
                connection.execute(drafts.insert().values(row))
        except IntegrityError:
            return

    def was_posted(self, repo: str, pull: int, head_sha: str) -> bool:
        """Whether this head's review is known to stand on the host."""
        key = _draft_key(repo, pull, head_sha) & drafts.c.posted_at.is_not(None)
        with self._engine.connect() as connection:
            return connection.execute(sa.select(drafts.c.pull).where(key)).first() is not None

    def mark_posted(self, repo: str, pull: int, head_sha: str) -> None:
        """Remember that this head's review stands on the host."""
        update = drafts.update().where(_draft_key(repo, pull, head_sha))
        with self._write() as connection:
            connection.execute(update.values(posted_at=self._now().timestamp()))

    def _jobs(self, where: sa.ColumnElement[bool], limit: int | None = None) -> list[Job]:
        query = sa.select(*JOB_COLUMNS).where(where).order_by(deliveries.c.number).limit(limit)
        with self._engine.connect() as connection:
            return [Job(**row) for row in connection.execute(query).mappings()]

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._turn, self._engine.begin() as connection:
            yield connection


def _draft_key(repo: str, pull: int, head_sha: str) -> sa.ColumnElement[bool]:
    return (drafts.c.repo == repo) & (drafts.c.pull == pull) & (drafts.c.head_sha == head_sha)


def open_engine(url: str) -> sa.Engine:
    """An engine whose commits are on the disk when they return."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _make_durable)
    return engine


def _make_durable(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=5000")
