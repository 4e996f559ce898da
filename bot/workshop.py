"""What stands behind the door: inbox, queue, reviewer, sweeps and the clock, started and stopped.

Everything that owns threads or connections is made here, after the fork. What arrives before the
reviewer is loaded waits in the inbox.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from flask import Flask

from bot.base_settings import BaseSettings
from bot.dashboard.routes import Dashboard
from bot.dashboard.session import Guard
from bot.dashboard.setup import Setup
from bot.door.inbox import Inbox
from bot.door.intake import Intake
from bot.door.signature import load_marker_key
from bot.hosts.forges import open_access
from bot.outcomes.book import Book
from bot.outcomes.following import Following
from bot.outcomes.judge import Judge
from bot.places import database_urls
from bot.work.asides import Asides
from bot.work.jobs import Jobs
from bot.work.ledger import Ledger
from bot.work.pruning import prune
from bot.work.retraining import Retrainer
from bot.work.steps import Reviewer, Steps
from bot.work.sweep import Sweep, Sweeper
from mining.commands import store_url
from postil.errors import PostilError
from postil.settings import Settings

log = logging.getLogger(__name__)

ReviewerFactory = Callable[[bytes], Reviewer]
"""Makes the reviewer, given the key that our markers are signed with; may load a model."""
DRAIN_S = 25
"""Under gunicorn's own patience of 30 s, which ends with a SIGKILL."""
RELOAD_S = 30.0
SERVER = "server"
"""The name of the worker in `postil serve`; it alone sweeps."""
LOADING = "the reviewer is being loaded"


class Workshop:
    """One process's inbox, reviewer and queue."""

    def __init__(
        self,
        settings: Settings,
        home: Path,
        environment: Mapping[str, str],
        reviewer_factory: ReviewerFactory,
        executor: str,
        config: Path | None = None,
    ) -> None:
        """`config`: the file that `settings` are from, for the runs of `postil retrain`."""
        self._settings = settings
        self._home = home
        self._store_url = environment.get("POSTIL_DATABASE_URL") or store_url(home)
        server = settings.server
        self._key = load_marker_key(home)
        self._factory = reviewer_factory
        self._executor = executor
        inbox_url, self._queue_url = database_urls(home, environment)
        self.inbox = Inbox(inbox_url)
        self.intake = Intake(self.inbox)
        ledger = Ledger(self.inbox.database)
        self._access = open_access(server, home, environment, self._key, ledger)
        self._following = Following(home, self.inbox.database, self._store_url, settings.outcomes)
        sweep = Sweep(self._access, self.inbox, settings.repo, follow=self._following.draw)
        forget = partial(prune, self.inbox.database, server.keep_days)
        self._sweeper = Sweeper(sweep, self.wake, forget)
        self._retrainer = Retrainer(
            home,
            self._store_url,
            settings.retrain.every_s if executor == SERVER else 0.0,
            settings.repo,
            environment,
            ("--config", str(config)) if config else (),
        )
        self._jobs: Jobs | None = None
        self._trouble = LOADING
        self._stopping = threading.Event()
        self._opening = threading.Thread(target=self._open, name="workshop", daemon=True)

    def start(self) -> None:
        """Load the reviewer and start the queue, in the background."""
        self.intake.start()
        self._opening.start()

    def trouble(self) -> str:
        """Why no review can be made now; "" if one can."""
        return self._trouble

    def mount_pages(self, app: Flask, token: str) -> None:
        """Put the dashboard and `/setup` beside the door."""
        server = self._settings.server
        guard = Guard(token, secure=server.public_url.startswith("https://"))
        dashboard = Dashboard(self._home, self.inbox, self._store_url, guard, self.wake)
        app.register_blueprint(dashboard.blueprint())
        app.register_blueprint(Setup(self._home, server, token).blueprint())

    def wake(self) -> None:
        """Say that something was received."""
        if self._jobs is not None:
            self._jobs.wake()

    def stop(self) -> None:
        """Let the running review end, or leave it to the next start."""
        self._stopping.set()
        self._sweeper.stop()
        self._retrainer.stop()
        self._opening.join(DRAIN_S)
        if self._jobs is not None:
            self._jobs.stop(DRAIN_S)
            self._reviewer.close()
        self._access.close()
        self.intake.stop()
        self.inbox.close()

    def _open(self) -> None:
        try:
            self._load_reviewer()
            if not self._stopping.is_set():
                self._start_jobs()
        finally:
            if self._trouble == LOADING:
                self._trouble = "no reviewer: loading it broke off; see the log"

    def _load_reviewer(self) -> None:
        """Try until it succeeds: the door goes on storing what arrives meanwhile."""
        while not self._stopping.is_set():
            try:
                self._reviewer = self._factory(self._key)
                return
            except PostilError as error:
                log.error("no reviewer: %s", error)
                self._trouble = f"no reviewer: {error}"
                self._stopping.wait(RELOAD_S)

    def _start_jobs(self) -> None:
        mode = self._settings.review.mode
        asides = Asides(self.inbox, self._access, speaks=mode == "comment")
        book = Book(self.inbox.database)
        judge = Judge(
            *(book, self._access, self._key, self._settings.mining), then=self._following.draw
        )
        steps = Steps(
            *(self.inbox, self._access.pulls, self._reviewer, self._key),
            mode=mode,
            asides=asides,
            judge=judge.judge,
            settle_on=BaseSettings(self._settings.review),
        )
        lease_s = self._settings.server.lease_s
        jobs = Jobs(self.inbox, steps, self._queue_url, executor=self._executor, lease_s=lease_s)
        jobs.start()
        self._jobs, self._trouble = jobs, ""
        if self._executor == SERVER:
            self._sweeper.start()
            self._retrainer.start()
