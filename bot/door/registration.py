"""Registering the GitHub App by its manifest: what is asked for, and what is kept of the answer.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from bot.hosts.sign_in import PERMISSIONS
from mining.clients import site_of
from postil.errors import ConfigError, HostingError
from postil.records import Record

EVENTS = ("issue_comment", "pull_request")
"""GitHub sends an App's `installation` events unasked."""
TIMEOUT_S = 30
CODE = re.compile(r"[A-Za-z0-9_-]{1,100}")
ORGANISATION = re.compile(r"[A-Za-z0-9-]{1,39}")


class Registered(Record, frozen=True, kw_only=True):
    """An App as it was registered here."""

    app_id: str
    slug: str
    url: str


def make_manifest(public_url: str) -> dict[str, Any]:
    """What the App asks for: the least that Postil works with."""
    base = public_url.rstrip("/")
    return {
        "name": "Postil",
        "url": base,
        "description": "Reviews pull requests as this team does.",
        "public": False,
        "hook_attributes": {"url": f"{base}/webhook", "active": True},
        "redirect_url": f"{base}/setup/callback",
        "default_permissions": dict(PERMISSIONS),
        "default_events": list(EVENTS),
    }


def form_address(api_url: str, organisation: str, state: str) -> str:
    """Where the manifest is sent to; ConfigError for what is no organisation's name."""
    if organisation and not ORGANISATION.fullmatch(organisation):
        raise ConfigError(f"{organisation!r}: not the name of an organisation")
    owner = f"organizations/{organisation}/" if organisation else ""
    return f"{site_of(api_url)}/{owner}settings/apps/new?state={quote(state)}"


def register(home: Path, api_url: str, code: str) -> Registered:
    """Exchange the code that GitHub sent back for the App's key and secret, and keep them."""
    if not CODE.fullmatch(code):
        raise HostingError("GitHub sent no code back; begin again", lasting=True)
    address = f"{api_url.rstrip('/')}/app-manifests/{code}/conversions"
    try:
        answer = requests.post(address, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        raise HostingError(f"GitHub cannot be reached: {type(error).__name__}") from error
    if answer.status_code != 201:
        raise HostingError(
            f"GitHub answered {answer.status_code}; a code is good once and for an hour: begin"
            " again",
            lasting=True,
        )
    return keep(home, answer.json())


def keep(home: Path, made: dict[str, Any]) -> Registered:
    """Write the key and the secret, readable by us alone; the id, by which an App is known to be
    there, comes last."""
    folder = home / "app"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    app = Registered(app_id=str(made["id"]), slug=str(made["slug"]), url=str(made["html_url"]))
    _write(folder / "key.pem", made["pem"])
    _write(folder / "webhook_secret", made["webhook_secret"])
    _write(folder / "slug", app.slug)
    _write(folder / "url", app.url)
    _write(folder / "id", app.app_id)
    return app


def registered(home: Path) -> Registered | None:
    """The App that is there; None where none is."""
    folder = home / "app"
    if not (folder / "id").is_file():
        return None
    app_id, slug, url = ((folder / name).read_text().strip() for name in ("id", "slug", "url"))
    return Registered(app_id=app_id, slug=slug, url=url)


def _write(path: Path, text: str) -> None:
    """Whole or not at all, with mode 0600 from its first byte."""
    aside = path.with_name(f"{path.name}.part")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
