"""Where a server lives: its home, its databases, its port; and whether it can."""

import socket
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bot.door.inbox import Inbox
from bot.door.signature import load_marker_key
from postil.errors import ConfigError
from postil.settings import Settings


def check_place(settings: Settings, home: Path, environment: Mapping[str, str]) -> None:
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
