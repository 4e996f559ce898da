"""What was judged, in the server's store: pull requests, and the outcome of every remark.

A pull request is written whole or not at all, over what was known of it: judging it again, after
a crash or because it was opened and closed anew, changes nothing else.
"""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from bot.door.schema import Database, drafts, judged, outcomes
from postil.records import Draft, Outcome

KEPT_OPEN_S = 90 * 86400.0
"""A pull request that is open for longer after its last draft is not waited for."""


class Book:
    """The tables of outcomes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, repo: str, pull: int, closed_at: float, found: Sequence[Outcome]) -> None:
        """Keep what a closed pull request came to."""
        of_pull = _same(judged, repo, pull)
        row = {"repo": repo, "pull": pull, "closed_at": closed_at}
        rows = [
            {
                **row,
                "said_by": one.said_by,
                "key": one.key[:160],
                "verdict": one.verdict,
                "body": msgspec.json.encode(one),
            }
            for one in {(one.said_by, one.key[:160]): one for one in found}.values()
        ]
        with self._database.write() as connection:
            connection.execute(outcomes.delete().where(_same(outcomes, repo, pull)))
            connection.execute(judged.delete().where(of_pull))
            connection.execute(judged.insert().values(**row, judged_at=self._database.now()))
            if rows:
                connection.execute(outcomes.insert(), rows)

    def outcomes(self, repo: str = "") -> list[Outcome]:
        """Of one repository, or of all, in the order in which pull requests were closed."""
        query = sa.select(outcomes.c.body).order_by(
            outcomes.c.closed_at, outcomes.c.repo, outcomes.c.pull, outcomes.c.key
        )
        if repo:
            query = query.where(outcomes.c.repo == repo)
        with self._database.read() as connection:
            bodies = connection.execute(query).scalars().all()
        return [msgspec.json.decode(body, type=Outcome) for body in bodies]

    def closings(self, repo: str) -> dict[int, float]:
        """When each judged pull request was closed."""
        query = sa.select(judged.c.pull, judged.c.closed_at).where(judged.c.repo == repo)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def waiting(self) -> dict[str, tuple[float, frozenset[int]]]:
        """By repository, the pull requests with a draft that were never judged, and how far back
        the oldest of those drafts lies."""
        since = self._database.now() - KEPT_OPEN_S
        known = sa.and_(judged.c.repo == drafts.c.repo, judged.c.pull == drafts.c.pull)
        query = (
            sa.select(drafts.c.repo, drafts.c.pull, sa.func.max(drafts.c.made_at))
            .outerjoin(judged, known)
            .where(judged.c.pull.is_(None))
            .group_by(drafts.c.repo, drafts.c.pull)
        )
        found: dict[str, tuple[float, frozenset[int]]] = {}
        with self._database.read() as connection:
            for repo, pull, made_at in connection.execute(query):
                if made_at >= since:
                    oldest, pulls = found.get(repo, (made_at, frozenset()))
                    found[repo] = min(oldest, made_at), pulls | {pull}
        return found

    def verdicts(self) -> dict[tuple[str, str], int]:
        """How many outcomes there are, by who said it and what came of it."""
        columns = (outcomes.c.said_by, outcomes.c.verdict)
        query = sa.select(*columns, sa.func.count()).group_by(*columns)
        with self._database.read() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(query)}

    def all_drafts(self, repo: str) -> list[Draft]:
        """Every draft of a repository, the oldest first."""
        query = sa.select(drafts.c.body).where(drafts.c.repo == repo).order_by(drafts.c.made_at)
        with self._database.read() as connection:
            bodies = connection.execute(query).scalars().all()
        return [msgspec.json.decode(body, type=Draft) for body in bodies]

    def drafts(self, repo: str, pull: int) -> tuple[list[Draft], list[Draft]]:
        """Those that were posted, and those that never were; the oldest first."""
        query = (
            sa.select(drafts.c.body, drafts.c.posted_at)
            .where(_same(drafts, repo, pull))
            .order_by(drafts.c.made_at)
        )
        posted: list[Draft] = []
        unposted: list[Draft] = []
        with self._database.read() as connection:
            for body, posted_at in connection.execute(query):
                draft = msgspec.json.decode(body, type=Draft)
                (unposted if posted_at is None else posted).append(draft)
        return posted, unposted


def _same(table: sa.Table, repo: str, pull: int) -> sa.ColumnElement[bool]:
    return (table.c.repo == repo) & (table.c.pull == pull)
