"""Deliveries and drafts: what was acknowledged, how far it came, what the model said.

This is the truth: a delivery is committed here before it is acknowledged, and a queue that was
lost is refilled from here. Every state that a delivery enters later is kept with its time.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from bot.door.delivery import CLOSED, OPEN_STATES, REVIVABLE, WAITING, Delivery, Job, Receipt, State
from bot.door.schema import Database, deliveries, drafts, moves
from postil.errors import PayloadError
from postil.records import Draft

CLOCK_S = 60.0
"""By how much the clocks of workers may differ."""
BEGINNING = {
    "state": "received",
    "round": 0,
    "tries": 0,
    "waits": 0,
    "not_before": 0.0,
    "detail": "",
}
INSERTS = {
    family.dialect.name: family.insert(deliveries)
    .on_conflict_do_nothing()
    .returning(deliveries.c.delivery)
    for family in (sqlite, postgresql)
}
"""By dialect; made once, so that they are compiled once."""
JOB_COLUMNS = tuple(deliveries.c[name] for name in Job.__struct_fields__)


class Inbox:
    """The tables of deliveries, their moves and drafts."""

    def __init__(self, url: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.database = Database(url, now)

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    def accept(self, delivery: Delivery) -> Receipt:
        """Commit a delivery. A known one changes nothing, unless it had been given up."""
        return self.accept_all([delivery])[0]

    def accept_all(self, batch: Sequence[Delivery]) -> list[Receipt]:
        """Commit deliveries together, in this order; all of them or none."""
        now = self.database.now()
        rows = [
            msgspec.structs.asdict(delivery) | BEGINNING | {"received_at": now, "changed_at": now}
            for delivery in batch
        ]
        with self.database.write() as connection:
            new = set(connection.execute(INSERTS[connection.dialect.name], rows).scalars())
            return [self._receipt(connection, delivery.delivery, new) for delivery in batch]

    def _receipt(self, connection: sa.Connection, delivery: str, new: set[str]) -> Receipt:
        """What to say of a delivery of a batch, `new` being those of it that were inserted."""
        if delivery in new:
            new.remove(delivery)  # should it stand in the batch again
            return "new"
        given_up = (deliveries.c.delivery == delivery) & deliveries.c.state.in_(REVIVABLE)
        return "again" if self._revive(connection, given_up, "redelivered") else "duplicate"

    def revive(self, where: sa.ColumnElement[bool], detail: str) -> int:
        """Let what was parked or given up begin anew; how many were."""
        with self.database.write() as connection:
            return self._revive(connection, where & deliveries.c.state.in_(REVIVABLE), detail)

    def _revive(self, connection: sa.Connection, where: sa.ColumnElement[bool], detail: str) -> int:
        named = sa.select(deliveries.c.delivery, deliveries.c.round).where(where)
        found = connection.execute(named).all()
        for name, before in found:
            values: dict[str, Any] = {"tries": 0, "waits": 0, "not_before": 0.0}
            values |= {"state": "received", "round": before + 1, "detail": detail}
            values["changed_at"] = self.database.now()
            mine = deliveries.c.delivery == name
            connection.execute(deliveries.update().where(mine).values(values))
            self._note(connection, name, before + 1, "received", detail)
        return len(found)

    def job(self, delivery: str) -> Job:
        """One delivery; raise PayloadError for an id that was never accepted."""
        found = self._jobs(deliveries.c.delivery == delivery)
        if not found:
            raise PayloadError(f"no delivery {delivery}")
        return found[0]

    def due(self, limit: int = 100) -> list[Job]:
        """What may go to the queue now, oldest first; a clock set back holds up nothing."""
        now = self.database.now()
        ripe = (deliveries.c.not_before <= now) | (deliveries.c.changed_at > now + CLOCK_S)
        return self._jobs((deliveries.c.state == "received") & ripe, limit)

    def unfinished(self) -> list[Job]:
        """What was given to the queue and has not come to an end."""
        return self._jobs(deliveries.c.state.in_(OPEN_STATES[1:]))

    def later_waits(self, job: Job) -> bool:
        """Whether a later delivery of the same pull request has not begun yet.

        An order is no reason to leave a push alone: it may ask for something else. Nor is a
        closing: it reviews nothing, and may have come late.
        """
        same = (deliveries.c.repo == job.repo) & (deliveries.c.pull == job.pull)
        reviews = deliveries.c.action.not_like("/%") & (deliveries.c.action != CLOSED)
        waiting = deliveries.c.state.in_(WAITING) & reviews
        return bool(self._jobs(same & waiting & (deliveries.c.number > job.number), 1))

    def count(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        query = sa.select(deliveries.c.state, sa.func.count()).group_by(deliveries.c.state)
        with self.database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def move(self, job: Job, state: State, detail: str = "", **columns: float) -> bool:
        """Set a delivery's state; False where another process moved it on since `job` was read.

        `columns` may set round, tries, waits and not_before.
        """
        same = (deliveries.c.delivery == job.delivery) & (deliveries.c.round == job.round)
        still = same & deliveries.c.state.in_(OPEN_STATES)
        values: dict[str, Any] = {"state": state, "detail": detail[:500], **columns}
        values["changed_at"] = self.database.now()
        with self.database.write() as connection:
            moved = connection.execute(deliveries.update().where(still).values(values)).rowcount > 0
            if moved:
                turn = int(columns.get("round", job.round))
                self._note(connection, job.delivery, turn, state, detail)
        return moved

    def draft(self, repo: str, pull: int, head_sha: str) -> Draft | None:
        """What the model said for this head, if it was asked."""
        query = sa.select(drafts.c.body).where(_draft_key(repo, pull, head_sha))
        with self.database.read() as connection:
            body = connection.execute(query).scalar()
        return None if body is None else msgspec.json.decode(body, type=Draft)

    def save_draft(self, draft: Draft) -> None:
        """Keep a draft; the first one for a head stays."""
        row = {"repo": draft.repo, "pull": draft.pull, "head_sha": draft.head_sha}
        row |= {"body": msgspec.json.encode(draft), "made_at": self.database.now()}
        try:
            with self.database.write() as connection:
                connection.execute(drafts.insert().values(row))
        except IntegrityError:
            return

    def unposted(self, repo: str) -> list[Draft]:
        """Drafts of a repository that are not known to stand on the host, the oldest first."""
        query = (
            sa.select(drafts.c.body)
            .where((drafts.c.repo == repo) & drafts.c.posted_at.is_(None))
            .order_by(drafts.c.made_at)
        )
        with self.database.read() as connection:
            bodies = connection.execute(query).scalars().all()
        return [msgspec.json.decode(body, type=Draft) for body in bodies]

    def was_posted(self, repo: str, pull: int, head_sha: str) -> bool:
        """Whether this head's review is known to stand on the host."""
        key = _draft_key(repo, pull, head_sha) & drafts.c.posted_at.is_not(None)
        with self.database.read() as connection:
            return connection.execute(sa.select(drafts.c.pull).where(key)).first() is not None

    def mark_posted(self, repo: str, pull: int, head_sha: str) -> None:
        """Remember that this head's review stands on the host."""
        update = drafts.update().where(_draft_key(repo, pull, head_sha))
        with self.database.write() as connection:
            connection.execute(update.values(posted_at=self.database.now()))

    def _jobs(self, where: sa.ColumnElement[bool], limit: int | None = None) -> list[Job]:
        query = sa.select(*JOB_COLUMNS).where(where).order_by(deliveries.c.number).limit(limit)
        with self.database.read() as connection:
            return [Job(**row) for row in connection.execute(query).mappings()]

    def _note(
        self, connection: sa.Connection, delivery: str, turn: int, state: State, detail: str
    ) -> None:
        row = {"delivery": delivery, "round": turn, "state": state, "detail": detail[:500]}
        connection.execute(moves.insert().values(row | {"at": self.database.now()}))


def _draft_key(repo: str, pull: int, head_sha: str) -> sa.ColumnElement[bool]:
    return (drafts.c.repo == repo) & (drafts.c.pull == pull) & (drafts.c.head_sha == head_sha)
