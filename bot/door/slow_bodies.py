"""Bodies that trickle in: a connection whose request is not read in time is cut.

Each such request holds a thread, and threads are few. One watcher looks at all of them.
"""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

log = logging.getLogger(__name__)

BODY_S = 20.0
"""GitHub itself gives up after 10 s."""
LOOK_S = 1.0


class SlowBodies:
    """Watches the connections that are being read."""

    def __init__(self, limit_s: float = BODY_S) -> None:
        self._limit_s = limit_s
        self._reading: dict[int, tuple[float, socket.socket]] = {}
        self._turn = threading.Lock()
        self._watcher: threading.Thread | None = None

    @contextmanager
    def watched(self, connection: socket.socket | None) -> Iterator[None]:
        """Cut the connection should the block take too long; None is not watched."""
        if connection is None:
            yield
            return
        with self._turn:
            self._reading[id(connection)] = time.monotonic() + self._limit_s, connection
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="bodies", daemon=True)
                self._watcher.start()
        try:
            yield
        finally:
            with self._turn:
                self._reading.pop(id(connection), None)

    def _watch(self) -> None:
        while True:
            time.sleep(min(LOOK_S, self._limit_s))
            now = time.monotonic()
            with self._turn:
                late = [held for ends, held in self._reading.values() if ends < now]
            for connection in late:
                log.warning("cut a body that came too slowly")
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
