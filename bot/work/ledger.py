"""How much we wrote for each account, so that we stay under what the host allows.

Kept in the database, as several workers write for one installation. GitHub allows 80 contents a
minute and 500 an hour; half and four fifths of that are ours.
https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import sqlalchemy as sa

from bot.door.schema import Database, writes
from postil.errors import HostingError

MINUTE = (60.0, 40)
HOUR = (3600.0, 400)


class Ledger:
    """The table of writes. An account is a repository's owner, as an installation is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, repo: str) -> None:
        """Note one write; HostingError with the wait where there is no room for it now."""
        account, now = repo.partition("/")[0].lower(), self._database.now()
        mine = writes.c.account == account
        with self._database.write() as connection:
            wait = max(self._wait(connection, mine, now, *limit) for limit in (MINUTE, HOUR))
            if wait > 0:
                message = f"{account}: our own limit of writes is reached; again in {wait:.0f} s"
                raise HostingError(message, retry_after_s=wait)
            connection.execute(writes.insert().values(account=account, at=now))
            connection.execute(writes.delete().where(writes.c.at < now - HOUR[0]))

    def _wait(
        self,
        connection: sa.Connection,
        mine: sa.ColumnElement[bool],
        now: float,
        span_s: float,
        most: int,
    ) -> float:
        """Seconds until the oldest of the last `most` writes leaves the span; 0: there is room."""
        within = (writes.c.at > now - span_s) & (writes.c.at <= now)  # a clock may be set back
        recent = sa.select(writes.c.at).where(mine & within)
        last = recent.order_by(writes.c.at.desc()).offset(most - 1).limit(1)
        oldest = connection.execute(last).scalar()
        return 0.0 if oldest is None else oldest + span_s - now
