"""Numbers for Prometheus: what arrived, where the jobs are, how long each stage took.

Events are counted in this process; all else is read from the database when it is asked for, so
that it holds for every worker. No name of a repository or a person is among the labels.
"""

from collections.abc import Iterator
from typing import get_args

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from bot.door.inbox import Inbox
from bot.door.schema import deliveries, drafts, moves, writes
from bot.outcomes.alarms import Alarms
from bot.outcomes.book import Book
from bot.outcomes.drift import Kind

SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 3600.0)


class Metrics:
    """The registry of one process."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._book, self._alarms = Book(inbox.database), Alarms(inbox.database)
        self._seen = self._newest()
        self._registry = CollectorRegistry()
        self._events = Counter(
            "postil_events",
            "Deliveries by what was done with them.",
            ("event", "outcome"),
            registry=self._registry,
        )
        self._stages = Histogram(
            "postil_stage_seconds",
            "Time that jobs spent before they entered a state.",
            ("state",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._registry.register(self)

    def count(self, event: str, outcome: str) -> None:
        """One delivery more."""
        self._events.labels(event, outcome).inc()

    def render(self) -> bytes:
        """All of it in Prometheus' text format."""
        self._observe_moves()
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Nothing is read from the database before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What stands in the database now."""
        jobs = GaugeMetricFamily("postil_jobs", "Deliveries by state.", labels=("state",))
        for state, count in sorted(self._inbox.count().items()):
            jobs.add_metric((state,), count)
        yield jobs
        said = GaugeMetricFamily(
            "postil_outcomes",
            "Remarks by who made them and what people did.",
            labels=("said_by", "verdict"),
        )
        for (said_by, verdict), count in sorted(self._book.verdicts().items()):
            said.add_metric((said_by, verdict), count)
        yield said
        drifts = GaugeMetricFamily("postil_drifts", "What is out of its band.", labels=("kind",))
        standing = [alarm.kind for alarm in self._alarms.standing()]
        for kind in sorted(get_args(Kind)):
            drifts.add_metric((kind,), standing.count(kind))
        yield drifts
        fallen = sum(bool(fall.to) for fall in self._alarms.falls())
        yield CounterMetricFamily("postil_falls", "Adapters taken back by themselves.", fallen)
        made, posted, waiting = self._totals()
        yield CounterMetricFamily("postil_drafts", "Heads that the model was asked about.", made)
        yield CounterMetricFamily(
            "postil_heads_posted", "Heads whose review is known to stand.", posted
        )
        yield GaugeMetricFamily("postil_writes_last_hour", "Writes on the host.", waiting)

    def _totals(self) -> tuple[int, int, int]:
        hour_ago = self._inbox.database.now() - 3600
        made = sa.select(sa.func.count(), sa.func.count(drafts.c.posted_at)).select_from(drafts)
        wrote = sa.select(sa.func.count()).select_from(writes).where(writes.c.at > hour_ago)
        with self._inbox.database.read() as connection:
            heads, posted = connection.execute(made).one()
            return heads, posted, connection.execute(wrote).scalar_one()

    def _newest(self) -> int:
        with self._inbox.database.read() as connection:
            return connection.execute(sa.select(sa.func.max(moves.c.number))).scalar() or 0

    def _observe_moves(self) -> None:
        """Feed the histogram with the moves since it was last asked for."""
        fresh = sa.select(moves.c.delivery).where(moves.c.number > self._seen)
        before = sa.func.lag(moves.c.at).over(
            partition_by=moves.c.delivery, order_by=moves.c.number
        )
        steps = (
            sa.select(
                moves.c.number,
                moves.c.state,
                moves.c.at,
                sa.func.coalesce(before, deliveries.c.received_at).label("since"),
            )
            .join(deliveries, deliveries.c.delivery == moves.c.delivery)
            .where(moves.c.delivery.in_(fresh))
            .order_by(moves.c.number)
        )
        with self._inbox.database.read() as connection:
            rows = connection.execute(steps).all()
        for number, state, at, since in rows:
            if number > self._seen:
                self._stages.labels(state).observe(max(0.0, at - since))
                self._seen = number
