"""Deliveries that arrive at once are committed at once: one write to the disk for all of them.

A thread owns the writing. Whoever brings a delivery waits until the commit that holds it has
returned, or failed; nothing is acknowledged before.
"""

import queue
import threading
from concurrent.futures import Future

from sqlalchemy.exc import SQLAlchemyError

from bot.door.delivery import Delivery, Receipt
from bot.door.inbox import Inbox

MOST_AT_ONCE = 256
"""Deliveries in one transaction."""

Waiting = tuple[Delivery, "Future[Receipt]"]


class Intake:
    """Takes deliveries for one inbox, from any thread."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="intake", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._writer.start()

    def accept(self, delivery: Delivery) -> Receipt:
        """See `Inbox.accept`; returns, or raises, when the commit has."""
        receipt: Future[Receipt] = Future()
        self._queue.put((delivery, receipt))
        return receipt.result()

    def stop(self) -> None:
        """Write what was brought, and end."""
        self._queue.put(None)
        self._writer.join()

    def _write(self) -> None:
        going_on = True
        while going_on:
            batch = self._next_batch()
            going_on = None not in batch
            self._commit([waiting for waiting in batch if waiting is not None])

    def _next_batch(self) -> list[Waiting | None]:
        batch = [self._queue.get()]
        while len(batch) < MOST_AT_ONCE and batch[-1] is not None:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return batch

    def _commit(self, batch: list[Waiting]) -> None:
        if not batch:
            return
        try:
            receipts = self._inbox.accept_all([delivery for delivery, _ in batch])
        except SQLAlchemyError as error:
            for _, receipt in batch:
                receipt.set_exception(error)
            return
        for (_, receipt), said in zip(batch, receipts, strict=True):
            receipt.set_result(said)
