"""What is old enough to be forgotten: deliveries and drafts of pull requests nothing happens to.

A pull request goes whole, or stays whole: its deliveries, their moves, what the model said of its
heads. Outcomes, by which adapters are judged, stay; so does what stands on the host, by which
Postil knows its own remarks again.
"""

import sqlalchemy as sa

from bot.door.delivery import OPEN_STATES
from bot.door.schema import Database, deliveries, drafts, moves

DAY_S = 86400.0
AT_ONCE = 200
"""Pull requests in one transaction: deliveries that arrive need not wait long for it."""


def prune(database: Database, keep_days: int) -> int:
    """Forget pull requests untouched for so many days; how many were. 0 days: forget none."""
    if not keep_days:
        return 0
    before, total = database.now() - keep_days * DAY_S, 0
    while found := _untouched(database, before):
        with database.write() as connection:
            for repo, pull in found:
                _forget(connection, repo, pull, before)
        total += len(found)
        if len(found) < AT_ONCE:
            break
    return total


def _untouched(database: Database, before: float) -> list[tuple[str, int]]:
    """Some pull requests with something to forget, of which nothing is newer or under way."""
    d, t = deliveries, drafts
    lively = sa.or_(d.c.changed_at >= before, d.c.state.in_(OPEN_STATES))
    told = sa.select(d.c.repo, d.c.pull).where(~lively)
    drafted = sa.select(t.c.repo, t.c.pull).where(t.c.made_at < before)
    old = sa.union(told, drafted).subquery()
    busy = sa.select(d.c.number).where(d.c.repo == old.c.repo, d.c.pull == old.c.pull, lively)
    fresh = sa.select(t.c.head_sha).where(
        t.c.repo == old.c.repo, t.c.pull == old.c.pull, t.c.made_at >= before
    )
    query = sa.select(old.c.repo, old.c.pull).where(~busy.exists(), ~fresh.exists())
    with database.read() as connection:
        rows = connection.execute(query.order_by(old.c.repo, old.c.pull).limit(AT_ONCE))
        return [(repo, pull) for repo, pull in rows]


def _forget(connection: sa.Connection, repo: str, pull: int, before: float) -> None:
    """Unless something came in between: what is not old stays."""
    mine = (deliveries.c.repo == repo) & (deliveries.c.pull == pull)
    old = mine & (deliveries.c.changed_at < before)
    names = sa.select(deliveries.c.delivery).where(old)
    connection.execute(moves.delete().where(moves.c.delivery.in_(names)))
    connection.execute(deliveries.delete().where(old))
    same = (drafts.c.repo == repo) & (drafts.c.pull == pull)
    connection.execute(drafts.delete().where(same & (drafts.c.made_at < before)))
