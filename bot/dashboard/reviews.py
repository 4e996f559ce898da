"""What the dashboard shows of deliveries: a page of them, and one with its moves and its draft."""

from collections.abc import Sequence
from typing import get_args

import sqlalchemy as sa

from bot.door.delivery import REVIVABLE, State
from bot.door.inbox import Inbox
from bot.door.schema import deliveries, moves
from postil.records import Draft, Record

PAGE = 50
STATES: tuple[State, ...] = get_args(State)


class Row(Record, frozen=True, kw_only=True):
    """One delivery in the list. Times in seconds since 1970."""

    number: int
    delivery: str
    action: str
    repo: str
    pull: int
    head_sha: str
    actor: str
    state: State
    tries: int
    detail: str
    received_at: float
    changed_at: float

    @property
    def took_s(self) -> float:
        """From its arrival to its last move."""
        return max(0.0, self.changed_at - self.received_at)

    @property
    def may_retry(self) -> bool:
        """Whether it was given up."""
        return self.state in REVIVABLE


class Move(Record, frozen=True, kw_only=True):
    """A state that was entered, and the seconds since the one before."""

    state: str
    detail: str
    at: float
    after_s: float


COLUMNS = tuple(deliveries.c[name] for name in Row.__struct_fields__)


def list_rows(inbox: Inbox, state: str, before: int) -> Sequence[Row]:
    """The newest deliveries, older than number `before` where that is not 0."""
    query = sa.select(*COLUMNS).order_by(deliveries.c.number.desc()).limit(PAGE)
    if state:
        query = query.where(deliveries.c.state == state)
    if before:
        query = query.where(deliveries.c.number < before)
    return _rows(inbox, query)


def find_row(inbox: Inbox, delivery: str) -> Row | None:
    """One delivery."""
    found = _rows(inbox, sa.select(*COLUMNS).where(deliveries.c.delivery == delivery))
    return found[0] if found else None


def list_moves(inbox: Inbox, row: Row) -> Sequence[Move]:
    """Every state it entered, in order."""
    query = sa.select(moves.c.state, moves.c.detail, moves.c.at).order_by(moves.c.number)
    with inbox.database.read() as connection:
        found = connection.execute(query.where(moves.c.delivery == row.delivery)).all()
    entered = [("received", "", row.received_at), *found]
    times = [row.received_at, *(at for _, _, at in entered)]
    return [
        Move(state=state, detail=detail, at=at, after_s=max(0.0, at - before))
        for (state, detail, at), before in zip(entered, times, strict=False)
    ]


def find_draft(inbox: Inbox, row: Row) -> Draft | None:
    """What the model said of the head it named."""
    return inbox.draft(row.repo, row.pull, row.head_sha)


def retry(inbox: Inbox, delivery: str) -> bool:
    """Let a job that was given up begin anew; False where there is none."""
    return bool(inbox.revive(deliveries.c.delivery == delivery, "tried again by hand"))


def _rows(inbox: Inbox, query: sa.Select[tuple[object, ...]]) -> Sequence[Row]:
    with inbox.database.read() as connection:
        return [Row(**row) for row in connection.execute(query).mappings()]
