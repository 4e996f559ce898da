"""The server's log: one line of key=value an event, the delivery's id in each, no secret.

Known secrets come from the environment and from the files it names; tokens that are minted later
are told to the same filter.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from bot.operations.redaction import Redactor

SECRET_NAMES = ("GITHUB_TOKEN", "FORGEJO_TOKEN", "POSTIL_WEBHOOK_SECRET", "POSTIL_ADMIN_TOKEN")
SECRET_FILES = ("POSTIL_WEBHOOK_SECRET_FILE", "POSTIL_PRIVATE_KEY_FILE", "POSTIL_ADMIN_TOKEN_FILE")
FORMAT = "%(asctime)s level=%(levelname)s logger=%(name)s %(delivery)s%(message)s"

current: ContextVar[str] = ContextVar("delivery", default="")
redactor = Redactor()


@contextmanager
def delivery(name: str) -> Iterator[None]:
    """Every line that is logged in the block carries this delivery's id."""
    token = current.set(name)
    try:
        yield
    finally:
        current.reset(token)


def set_up_logs(home: Path, environment: Mapping[str, str], level: int = logging.INFO) -> None:
    """Let everything that is logged go to stderr, through the filter."""
    learn(home, environment)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(_name_delivery)
    handler.addFilter(redactor)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(min(level, root.level or level))
    logging.getLogger("dbos").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for name in ("gunicorn.error", "gunicorn.access", "dbos"):
        for given in logging.getLogger(name).handlers:
            given.addFilter(redactor)


def learn(home: Path, environment: Mapping[str, str]) -> None:
    """Tell the filter what is secret here."""
    for name in SECRET_NAMES:
        redactor.add(environment.get(name, ""))
    files = [Path(environment[name]) for name in SECRET_FILES if environment.get(name)]
    for file in (*files, *(home / "app").glob("*"), home / "marker.key"):
        if file.is_file() and file.name != "id":
            redactor.add(file.read_text(encoding="utf-8", errors="replace"))
    url = environment.get("POSTIL_DATABASE_URL", "")
    if "@" in url:
        redactor.add(url.rpartition("@")[0].rpartition(":")[2])


def _name_delivery(record: logging.LogRecord) -> bool:
    name = current.get()
    said = f"delivery={name}" in record.getMessage()
    record.delivery = f"delivery={name} " if name and not said else ""
    return True
