"""Pull requests that somebody asked us to leave alone."""

import sqlalchemy as sa

from bot.door.schema import Database, pauses


class Pauses:
    """The table of pauses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pause(self, repo: str, pull: int, by: str) -> None:
        """Leave a pull request alone from now on."""
        self.resume(repo, pull)
        row = {"repo": repo, "pull": pull, "by": by, "at": self._database.now()}
        with self._database.write() as connection:
            connection.execute(pauses.insert().values(row))

    def resume(self, repo: str, pull: int) -> None:
        """Review it again."""
        with self._database.write() as connection:
            connection.execute(pauses.delete().where(_key(repo, pull)))

    def by(self, repo: str, pull: int) -> str:
        """Who paused it; "" where nobody did."""
        query = sa.select(pauses.c.by).where(_key(repo, pull))
        with self._database.read() as connection:
            return connection.execute(query).scalar() or ""


def _key(repo: str, pull: int) -> sa.ColumnElement[bool]:
    return (pauses.c.repo == repo) & (pauses.c.pull == pull)
