"""What is out of its band now, and which adapters were taken back for it, in the server's store."""

from collections.abc import Sequence

import msgspec
from sqlalchemy.exc import IntegrityError

from bot.door.schema import Database, alarms, falls
from bot.outcomes.drift import Alarm, Fall


class Alarms:
    """The tables of alarms and falls."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, repo: str, found: Sequence[Alarm]) -> list[Alarm]:
        """Let these be all alarms of a repository; those that are new."""
        mine = alarms.c.repo == repo
        with self._database.write() as connection:
            known = {
                (row.adapter, row.kind) for row in connection.execute(alarms.select().where(mine))
            }
            connection.execute(alarms.delete().where(mine))
            for one in found:
                connection.execute(
                    alarms.insert().values(**msgspec.structs.asdict(one), at=self._database.now())
                )
        return [one for one in found if (one.adapter, one.kind) not in known]

    def standing(self, repo: str = "") -> list[Alarm]:
        """What is out of its band, in one repository or in all."""
        query = alarms.select().order_by(alarms.c.repo, alarms.c.kind)
        query = query.where(alarms.c.repo == repo) if repo else query
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        names = Alarm.__struct_fields__
        return [Alarm(**{name: row[name] for name in names}) for row in rows]

    def falls(self, repo: str = "") -> list[Fall]:
        """Every fall, the oldest first."""
        query = falls.select().order_by(falls.c.at)
        query = query.where(falls.c.repo == repo) if repo else query
        with self._database.read() as connection:
            return [Fall(**row) for row in connection.execute(query).mappings()]

    def begin_fall(self, repo: str, adapter: str, text: str) -> bool:
        """Note that an adapter is to be taken back; False where that was done before.

        So it happens once, whichever of several workers sees it first.
        """
        row = {"repo": repo, "adapter": adapter, "to": "", "text": text[:500]}
        try:
            with self._database.write() as connection:
                connection.execute(falls.insert().values(**row, at=self._database.now()))
        except IntegrityError:
            return any(one.adapter == adapter and not one.to for one in self.falls(repo))
        return True

    def end_fall(self, repo: str, adapter: str, to: str) -> None:
        """Note that it was done."""
        mine = (falls.c.repo == repo) & (falls.c.adapter == adapter)
        with self._database.write() as connection:
            connection.execute(falls.update().where(mine).values(to=to))
