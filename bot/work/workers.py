"""Which workers live: each says so in a table every few seconds.

A worker that has been silent for a lease is taken for dead, and its work is taken over. Should it
live after all (stopped, or its clock wrong), the job's round has moved on and it changes nothing
any more.
"""

import sqlalchemy as sa

from bot.door.schema import Database, workers

LEASE_S = 30.0
BEATS = 6
"""Beats a lease."""


class Workers:
    """The table of heartbeats."""

    def __init__(self, database: Database, *, lease_s: float = LEASE_S) -> None:
        self._database = database
        self._lease_s = lease_s

    def beat(self, name: str) -> None:
        """Say that a worker lives."""
        now = self._database.now()
        mine = workers.c.name == name
        with self._database.write() as connection:
            if not connection.execute(workers.update().where(mine).values(beat_at=now)).rowcount:
                connection.execute(workers.insert().values(name=name, beat_at=now))

    def leave(self, name: str) -> None:
        """Say that a worker ends; what it left is anybody's at once."""
        with self._database.write() as connection:
            connection.execute(workers.delete().where(workers.c.name == name))

    def living(self) -> set[str]:
        """Who beat within a lease."""
        since = self._database.now() - self._lease_s
        query = sa.select(workers.c.name).where(workers.c.beat_at > since)
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())
