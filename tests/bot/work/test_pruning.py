"""bot/work/pruning.py: old pull requests are forgotten whole, lively ones stay whole."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.door.delivery import OPEN_STATES, Delivery, State
from bot.door.inbox import Inbox
from bot.door.schema import deliveries, drafts, moves
from bot.work import pruning
from bot.work.pruning import DAY_S, prune
from postil.errors import ConfigError
from postil.settings import load_settings

NOW = 2_000_000_000.0
STATES: tuple[State, ...] = (*OPEN_STATES, "posted", "superseded", "parked", "dead")


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    made = Inbox(f"sqlite:///{tmp_path / 'inbox.db'}", lambda: datetime.fromtimestamp(NOW, UTC))
    yield made
    made.close()


def put(inbox: Inbox, pull: int, days: float, state: State = "posted", name: str = "") -> None:
    """A delivery in a state since so many days, with a move."""
    name = name or f"{pull}-{days}-{state}"
    inbox.accept(
        Delivery(delivery=name, action="opened", repo="team/shop", pull=pull, head_sha=name)
    )
    at = NOW - days * DAY_S
    with inbox.database.write() as connection:
        mine = deliveries.c.delivery == name
        connection.execute(deliveries.update().where(mine).values(state=state, changed_at=at))
        row = {"delivery": name, "round": 0, "state": state, "detail": "", "at": at}
        connection.execute(moves.insert().values(row))


def draft(inbox: Inbox, pull: int, days: float) -> None:
    """What a model said so many days ago."""
    row = {"repo": "team/shop", "pull": pull, "head_sha": f"{days}", "body": b"{}"}
    with inbox.database.write() as connection:
        connection.execute(drafts.insert().values(row | {"made_at": NOW - days * DAY_S}))


def left(inbox: Inbox) -> tuple[set[int], set[int], int]:
    """Pull requests with deliveries, with drafts, and the number of moves put here."""
    with inbox.database.read() as connection:
        told = set(connection.execute(sa.select(deliveries.c.pull)).scalars())
        drafted = set(connection.execute(sa.select(drafts.c.pull)).scalars())
        count = connection.execute(sa.select(sa.func.count()).select_from(moves)).scalar_one()
    return told, drafted, count


def test_a_pull_request_is_forgotten_whole_or_not_at_all(inbox: Inbox) -> None:
    for pull, days in ((1, 40), (2, 40), (2, 20), (3, 10)):
        put(inbox, pull, days)
        draft(inbox, pull, days)
    draft(inbox, 4, 50)
    put(inbox, 5, 50)
    draft(inbox, 5, 1)
    assert prune(inbox.database, 30) == 2
    assert left(inbox) == ({2, 3, 5}, {2, 3, 5}, 4)
    assert prune(inbox.database, 30) == 0


def test_what_is_under_way_is_kept_however_old(inbox: Inbox) -> None:
    for pull, state in enumerate(STATES):
        put(inbox, pull, 400, state)
    prune(inbox.database, 365)
    assert left(inbox)[0] == set(range(len(OPEN_STATES)))


def test_nothing_is_forgotten_where_all_is_to_be_kept(inbox: Inbox) -> None:
    put(inbox, 1, 4000)
    assert prune(inbox.database, 0) == 0
    assert left(inbox)[0] == {1}


def test_more_than_one_transaction_is_taken(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "AT_ONCE", 2)
    for pull in range(5):
        put(inbox, pull, 40)
    assert prune(inbox.database, 30) == 5
    assert left(inbox) == (set(), set(), 0)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.floats(0, 60), st.sampled_from(STATES)), max_size=6)
)
def test_no_pull_request_loses_a_part(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, float, State]]
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('inbox') / 'inbox.db'}"
    inbox = Inbox(url, lambda: datetime.fromtimestamp(NOW, UTC))
    for place, (pull, days, state) in enumerate(rows):
        put(inbox, pull, days, state, name=str(place))
    kept = {pull for pull, days, state in rows if days <= 30 or state in OPEN_STATES}
    prune(inbox.database, 30)
    told, _, count = left(inbox)
    assert told == kept and count == sum(pull in kept for pull, _, _ in rows)
    inbox.close()


def test_too_short_a_time_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postil.toml").write_text("[server]\nkeep_days = 3\n")
    with pytest.raises(ConfigError, match="keep_days is 0 or at least 7"):
        load_settings(tmp_path)
