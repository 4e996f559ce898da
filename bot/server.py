"""`postil serve` and `postil worker`: the door and the workshop behind it, started and stopped.

gunicorn runs one process: its threads commit deliveries, and a thread of the same process does
the reviews. Everything that owns threads or connections is made after the fork. The door opens
before the model is loaded; what arrives meanwhile waits in the inbox.
"""

import logging
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from sqlalchemy.exc import SQLAlchemyError

from bot.base_settings import BaseSettings
from bot.dashboard.routes import Dashboard
from bot.dashboard.session import TOKEN, Guard, load_admin_token
from bot.dashboard.setup import Setup, create_setup_app
from bot.door.inbox import Inbox
from bot.door.intake import Intake
from bot.door.signature import load_marker_key, load_secret
from bot.door.web import create_app
from bot.hosts.access import GitHubAccess
from bot.hosts.forgejo_access import ForgejoAccess
from bot.hosts.sign_in import load_sign_in
from bot.operations.logs import set_up_logs
from bot.outcomes.book import Book
from bot.outcomes.following import Following
from bot.outcomes.judge import Judge
from bot.work.asides import Asides
from bot.work.jobs import Jobs
from bot.work.ledger import Ledger
from bot.work.pruning import prune
from bot.work.retraining import Retrainer
from bot.work.steps import Reviewer, Steps
from bot.work.sweep import Sweep, Sweeper
from mining.commands import store_url
from postil.errors import ConfigError, PostilError
from postil.settings import ServerSettings, Settings

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


class Door(BaseApplication):  # type: ignore[misc]
    """gunicorn with one gthread worker."""

    def __init__(
        self,
        settings: Settings,
        secret: bytes,
        open_workshop: Callable[[], Workshop],
        admin_token: str,
    ) -> None:
        self._settings = settings
        self._admin_token = admin_token
        self._secret = secret
        self._open_workshop = open_workshop
        super().__init__()

    def load_config(self) -> None:
        server = self._settings.server
        options: dict[str, Any] = {
            "bind": f"{server.host}:{server.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": 32,
            "timeout": 120,
            "graceful_timeout": DRAIN_S + 5,
            "loglevel": "warning",
            "control_socket_disable": True,
            "worker_exit": self._close,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Runs in the worker, after the fork."""
        self._workshop = self._open_workshop()
        self._workshop.start()
        app = create_app(
            self._settings,
            self._secret,
            self._workshop.inbox,
            accept=self._workshop.intake.accept,
            wake=self._workshop.wake,
            trouble=self._workshop.trouble,
        )
        if self._admin_token:
            self._workshop.mount_pages(app, self._admin_token)
        return app

    def _close(self, _arbiter: object, _worker: object) -> None:
        self._workshop.stop()


def serve(
    settings: Settings,
    home: Path,
    environment: Mapping[str, str],
    reviewer_factory: ReviewerFactory,
    config: Path | None = None,
) -> None:
    """Run the webhook server until it is told to stop; ConfigError where a secret is missing.

    `config`: the file that `settings` are from, if one was named.
    """
    secret = load_secret(environment, home)
    set_up_logs(home, environment)
    check_sign_in(settings.server, home, environment)
    _check_place(settings, home, environment)

    def open_workshop() -> Workshop:
        return Workshop(settings, home, environment, reviewer_factory, SERVER, config)

    Door(settings, secret, open_workshop, load_admin_token(environment)).run()


class SetupDoor(BaseApplication):  # type: ignore[misc]
    """gunicorn with `/setup` and nothing that needs a secret."""

    def __init__(self, settings: Settings, home: Path, token: str) -> None:
        self._settings, self._home, self._token = settings, home, token
        super().__init__()

    def load_config(self) -> None:
        server = self._settings.server
        self.cfg.set("bind", f"{server.host}:{server.port}")
        self.cfg.set("control_socket_disable", True)
        self.cfg.set("loglevel", "warning")

    def load(self) -> Flask:
        return create_setup_app(self._home, self._settings.server, self._token)


def serve_setup(settings: Settings, home: Path, environment: Mapping[str, str]) -> None:
    """Run `/setup` alone until told to stop; ConfigError without an admin token."""
    token = load_admin_token(environment)
    if not token:
        raise ConfigError(f"--setup: set {TOKEN}, for example from: openssl rand -hex 32")
    set_up_logs(home, environment)
    SetupDoor(settings, home, token).run()


def open_access(
    server: ServerSettings,
    home: Path,
    environment: Mapping[str, str],
    key: bytes,
    ledger: Ledger,
) -> GitHubAccess | ForgejoAccess:
    """The way to the forge of the settings; ConfigError without a token for it."""
    if server.forge == "forgejo":
        token = _forgejo_token(environment)
        return ForgejoAccess(token, key, server.api_url, server.account, ledger)
    sign_in = load_sign_in(home, environment, server.api_url, server.account)
    return GitHubAccess(sign_in, key, server.api_url, ledger)


def check_sign_in(server: ServerSettings, home: Path, environment: Mapping[str, str]) -> None:
    """ConfigError where there is no way to sign in to the forge of the settings."""
    if server.forge == "forgejo":
        _forgejo_token(environment)
    else:
        load_sign_in(home, environment, server.api_url, server.account)


def _forgejo_token(environment: Mapping[str, str]) -> str:
    token = environment.get("FORGEJO_TOKEN", "")
    if not token:
        raise ConfigError("no token: set FORGEJO_TOKEN (write:repository, write:issue)")
    return token


def _check_place(settings: Settings, home: Path, environment: Mapping[str, str]) -> None:
    """ConfigError where the server could not live: no home, no database, no port."""
    try:
        load_marker_key(home)
        Inbox(database_urls(home, environment)[0]).close()
    except OSError as error:
        raise ConfigError(f"POSTIL_HOME {home}: cannot be written to: {error.strerror}") from error
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        raise ConfigError(f"the inbox cannot be opened: {reason}") from error
    server = settings.server
    try:
        with socket.create_server((server.host, server.port), reuse_port=False):
            pass
    except OSError as error:
        raise ConfigError(
            f"{server.host}:{server.port}: cannot listen there: {error.strerror};"
            " stop what does, or give another --port"
        ) from error


def run_worker(
    settings: Settings,
    home: Path,
    environment: Mapping[str, str],
    reviewer_factory: ReviewerFactory,
    name: str = "1",
) -> None:
    """Review what a server on the same database receives, until told to stop.

    `name` tells workers apart and must stay the same over restarts: what a worker left undone is
    taken up by the worker of that name.
    """
    set_up_logs(home, environment)
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    workshop = Workshop(settings, home, environment, reviewer_factory, f"worker-{name}")
    workshop.start()
    told.wait()
    workshop.stop()


def database_urls(home: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """Where the inbox and where the queue live: two files, or one Postgres."""
    url = environment.get("POSTIL_DATABASE_URL", "")
    if not url:
        home.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{home / 'inbox.db'}", f"sqlite:///{home / 'queue.db'}"
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return url, f"{url}-queue"
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise ConfigError("POSTIL_DATABASE_URL: a sqlite:// or postgresql:// URL is needed")
    return f"postgresql+psycopg://{rest}", f"postgresql://{rest}"
