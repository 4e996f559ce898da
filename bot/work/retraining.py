"""Retraining by the clock: `postil retrain` in a process of its own, when it is due.

A thread looks once a minute whether the time has come; that it had come while the server was
down, or many times over, makes one run. When the last try was stands in the run's own ledger
(`finetune.retraining`), so a server that starts anew knows it. The run is in a session of its own,
at low priority and without the door's secrets: it can neither take the server down nor be asked
through it. One runs at a time; stopping the server stops it, and the next start goes on with it.
"""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from finetune.retraining.due import is_due, set_back
from finetune.retraining.ledger import Ledger
from mining.store import open_store
from postil.errors import PostilError

TICK_S = 60.0
STOP_S = 3.0
"""A run that is killed goes on as well as one that was told to stop."""
DOORS_OWN = ("POSTIL_WEBHOOK_SECRET", "POSTIL_WEBHOOK_SECRET_FILE", "POSTIL_ADMIN_TOKEN")
POSTIL = (sys.executable, "-P", "-c", "from postil.cli import main; main()")

log = logging.getLogger(__name__)


class Retrainer:
    """Over one home and its store."""

    def __init__(
        self,
        home: Path,
        store_url: str,
        every_s: float,
        only: str,
        environment: Mapping[str, str],
        options: Sequence[str] = (),
        *,
        command: Sequence[str] = POSTIL,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`only`: the one repository to retrain; "": every one that was mined."""
        self._home, self._store_url = home, store_url
        self._every_s, self._only, self._now = every_s, only, now
        self._command = (*command, "retrain", "--gently", *options)
        own = {name: value for name, value in environment.items() if name not in DOORS_OWN}
        self._environment = own | {"POSTIL_HOME": str(home)}
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="retraining", daemon=True)

    def start(self) -> None:
        """Begin to look, if it is to be done by the clock at all."""
        if self._every_s:
            self._thread.start()

    def stop(self) -> None:
        """Stop looking, and the run under way with it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def tick(self) -> str:
        """Look once; the repository whose run was begun, "" for none."""
        if self._child is not None:
            code = self._child.poll()
            if code is None:
                return ""
            if code:
                log.warning("retraining ended exit_code=%d; see above", code)
            self._child = None
        for repo in self._repos():
            if self._is_due(repo):
                self._begin(repo)
                return repo
        return ""

    def _repos(self) -> list[str]:
        with open_store(self._store_url) as store:
            repos = sorted({mined.repo for mined in store.sources()})
        return [repo for repo in repos if self._only in ("", repo)]

    def _is_due(self, repo: str) -> bool:
        ledger, now = Ledger(self._home, repo), self._now()
        tried = ledger.tried()
        if tried is not None and set_back(tried, now):
            log.warning("repo=%s the clock was set back: retraining counts from now", repo)
            ledger.note_try(replace(tried, at=now))
        return is_due(tried, self._every_s, now)

    def _begin(self, repo: str) -> None:
        log.info("retraining begins repo=%s", repo)
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and command
            (*self._command, "--repo", repo),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self.tick()
            except (PostilError, OSError) as error:
                log.error("cannot tell whether retraining is due: %s", error)
            self._stopping.wait(TICK_S)
