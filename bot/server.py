"""`postil serve` and `postil worker`: the door, and the workshop behind it.

gunicorn runs one process: its threads commit deliveries, and a thread of the same process does
the reviews. The door opens before the model is loaded.
"""

import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from bot.dashboard.session import TOKEN, load_admin_token
from bot.dashboard.setup import create_setup_app
from bot.door.signature import load_secret
from bot.door.web import create_app
from bot.hosts.forges import check_sign_in
from bot.operations.logs import set_up_logs
from bot.places import check_place
from bot.workshop import DRAIN_S, SERVER, ReviewerFactory, Workshop
from postil.errors import ConfigError
from postil.settings import Settings


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
    check_place(settings, home, environment)

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
