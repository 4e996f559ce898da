"""What the door missed while it was closed: failed deliveries of an App, heads and closings.

GitHub keeps an App's deliveries for three days and sends none again by itself. What it kept is
read from there and put into the inbox under its own id; then the heads of open pull requests are
compared with what was received, and the closed ones with what was judged. All of it may be done
again at any time.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from bot.door.delivery import CLOSED, Delivery
from bot.door.events import UNREADABLE, read_event
from bot.door.inbox import Inbox
from bot.door.schema import deliveries
from bot.hosts.sign_in import Broker, SignIn
from bot.outcomes.book import Book
from postil.errors import HostingError

log = logging.getLogger(__name__)

BACK_S = 3 * 86400.0
"""https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries"""
EVERY_S = 3600.0


class Told(Protocol):
    """What a host can be asked for; see `bot.hosts.access`."""

    @property
    def sign_in(self) -> SignIn: ...

    def open_pulls(self, repo: str) -> Iterator[dict[str, Any]]: ...

    def closed_pulls(self, repo: str) -> Iterator[dict[str, Any]]: ...


class Sweep:
    """One look back, over one inbox and one host."""

    def __init__(
        self,
        access: Told,
        inbox: Inbox,
        only: str,
        follow: Callable[[str], None] = lambda _repo: None,
    ) -> None:
        """`follow` is called with every repository that deliveries came from of late."""
        self._access = access
        self._follow = follow
        self._inbox = inbox
        self._only = only

    def run(self) -> int:
        """How many deliveries were new; what cannot be read now is left to the next time."""
        since = self._inbox.database.now() - BACK_S
        taken = 0
        for what in (self._missed(since), self._untold(since), self._unjudged()):
            try:
                for delivery in what:
                    taken += self._inbox.accept(delivery) != "duplicate"
            except HostingError as error:
                log.warning("sweep cut short reason=%s", error)
        for repo in self._repos(since):
            self._follow(repo)
        if taken:
            log.info("sweep taken=%d", taken)
        return taken

    def _missed(self, since: float) -> Iterator[Delivery]:
        """Failed deliveries of the App that no later attempt brought."""
        broker = self._access.sign_in
        if not isinstance(broker, Broker):
            return
        arrived: set[str] = set()
        failed: dict[str, dict[str, Any]] = {}
        for attempt in self._attempts(broker, since):
            if 200 <= attempt["status_code"] < 300:
                arrived.add(attempt["guid"])
            else:
                failed.setdefault(attempt["guid"], attempt)
        for guid, attempt in failed.items():
            if guid not in arrived:
                kept = broker.app.call("GET", f"/app/hook/deliveries/{int(attempt['id'])}")
                body = msgspec.json.encode(kept["request"]["payload"])
                try:
                    found = read_event(attempt["event"], guid, body, self._only)
                except UNREADABLE as error:
                    log.warning("sweep left delivery=%s reason=%s", guid, error)
                    continue
                if isinstance(found, Delivery):
                    yield found

    def _attempts(self, broker: Broker, since: float) -> Iterator[dict[str, Any]]:
        """The App's deliveries, newest first, until they are older than `since`."""
        for page in broker.app.pages("/app/hook/deliveries?per_page=100"):
            for attempt in page:
                if _seconds(attempt["delivered_at"]) < since:
                    return
                yield attempt

    def _untold(self, since: float) -> Iterator[Delivery]:
        """Heads of open pull requests, updated since, of which no delivery told us."""
        for repo in self._repos(since):
            for pull in self._access.open_pulls(repo):
                if _seconds(pull["updated_at"]) < since:
                    break
                head, number = pull["head"]["sha"], int(pull["number"])
                if not pull.get("draft") and not self._is_known(repo, number, head):
                    name = f"sweep-{number}-{head[:16]}"
                    yield Delivery(
                        delivery=name, action="sweep", repo=repo, pull=number, head_sha=head
                    )

    def _unjudged(self) -> Iterator[Delivery]:
        """Closed pull requests whose remarks were never judged, or were before they closed anew."""
        book = Book(self._inbox.database)
        for repo, (oldest, waiting) in book.waiting().items():
            before = book.closings(repo)
            for pull in self._access.closed_pulls(repo):
                if _seconds(pull["updated_at"]) < oldest:
                    break
                number, closed = int(pull["number"]), _seconds(pull["closed_at"])
                if number in waiting or before.get(number, closed) != closed:
                    name = f"{repo}#{number} {pull['closed_at']}"
                    yield Delivery(
                        delivery=f"closed-{hashlib.sha256(name.encode()).hexdigest()[:32]}",
                        action=CLOSED,
                        repo=repo,
                        pull=number,
                        head_sha=pull["head"]["sha"],
                    )

    def _repos(self, since: float) -> list[str]:
        """Those that deliveries came from of late; one nobody told us of is none of ours."""
        recent = deliveries.c.received_at > since
        query = sa.select(deliveries.c.repo).where(recent).distinct().order_by(deliveries.c.repo)
        with self._inbox.database.read() as connection:
            return list(connection.execute(query).scalars())

    def _is_known(self, repo: str, pull: int, head_sha: str) -> bool:
        same = (deliveries.c.repo == repo) & (deliveries.c.pull == pull)
        told_of = (deliveries.c.head_sha == head_sha) & (deliveries.c.action != CLOSED)
        known = sa.select(deliveries.c.number).where(same & told_of)
        with self._inbox.database.read() as connection:
            told = connection.execute(known).first() is not None
        return told or self._inbox.draft(repo, pull, head_sha) is not None


class Sweeper:
    """Sweeps and prunes at the start and every hour, in a thread."""

    def __init__(
        self,
        sweep: Sweep,
        wake: Callable[[], None],
        prune: Callable[[], int],
        every_s: float = EVERY_S,
    ) -> None:
        """`prune` forgets what is old, and says of how many pull requests."""
        self._sweep = sweep
        self._wake = wake
        self._prune = prune
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="sweep", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the request under way."""
        self._stopping.set()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._sweep.run():
                    self._wake()
                if forgotten := self._prune():
                    log.info("pruned pulls=%d", forgotten)
            except (SQLAlchemyError, KeyError, TypeError, ValueError) as error:
                log.error("sweep failed reason=%s", type(error).__name__)
            self._stopping.wait(self._every_s)


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
