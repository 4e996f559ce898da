"""What this machine lacks for Postil, each with its mend. Looks only; nothing is fetched.

A check that is `missing` stops some command; one that is `absent` is a step not taken yet.
"""

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from bot.door.signature import APP_SECRET, SECRET, load_secret
from finetune.adapters import Registry
from finetune.cards import load_card
from postil.errors import PostilError
from postil.records import Record
from postil.settings import Settings

State = Literal["ok", "absent", "missing"]
OLDEST_PYTHON = (3, 11)
NEEDED = ("torch", "transformers", "peft", "bitsandbytes")


class Check(Record, frozen=True, kw_only=True):
    """One thing looked at."""

    name: str
    state: State
    found: str
    mend: str = ""


def examine(settings: Settings, home: Path, environment: Mapping[str, str]) -> Iterator[Check]:
    """Every check, in the order in which things are needed."""
    yield _python()
    yield _git()
    for name in NEEDED:
        yield _package(name)
    housed = _home(home)
    yield housed
    if housed.state == "ok":
        yield _base(settings, home)
        yield _store(home)
        yield _adapter(settings.repo, home)
        yield from _tuned(settings.repo, home)
    yield _inbox(home, environment)
    yield _secret(home, environment)
    yield _admin_token(environment)
    yield _sign_in(settings, home, environment)


def _python() -> Check:
    found = sys.version.split()[0]
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Check(name="Python", state="ok", found=found)
    return Check(name="Python", state="missing", found=found, mend="install Python 3.11 or newer")


def _git() -> Check:
    path = shutil.which("git")
    if path:
        return Check(name="git", state="ok", found=path)
    return Check(name="git", state="missing", found="not on PATH", mend="install git")


def _package(name: str) -> Check:
    try:
        return Check(name=name, state="ok", found=importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        mend = f"pip install {name}, in the environment of {sys.executable}"
        return Check(name=name, state="missing", found="not installed", mend=mend)


def _home(home: Path) -> Check:
    writable = next(folder for folder in (home, *home.parents) if folder.exists())
    if writable.is_dir() and os.access(writable, os.W_OK):
        return Check(name="POSTIL_HOME", state="ok", found=str(home))
    mend = "set POSTIL_HOME to a folder you may write to"
    return Check(name="POSTIL_HOME", state="missing", found=f"{home}: not writable", mend=mend)


def _base(settings: Settings, home: Path) -> Check:
    name = settings.train.base
    label = f"base model {name}"
    if not _needs_base(settings, home):
        return Check(name=label, state="ok", found="not needed: retrieval loads no model")
    if Path(name).expanduser().is_dir():
        return Check(name=label, state="ok", found="a local folder")
    if "@" in name:
        return Check(name=label, state="ok", found="from the hub, when it is first used")
    kept = sorted((home / "models").glob(f"{name}-*/"))
    if kept:
        return Check(name=label, state="ok", found=str(kept[0]))
    mend = "the first `postil train` or `postil review` fetches it (93 MB)"
    return Check(name=label, state="absent", found="not cached", mend=mend)


def _needs_base(settings: Settings, home: Path) -> bool:
    """By the promoted adapter, else by what would be trained; what is damaged has its own check."""
    try:
        live = Registry(home).current(settings.repo) if settings.repo else None
        return load_card(live).has_weights if live else settings.train.mode != "retrieval"
    except PostilError:
        return True


def _store(home: Path) -> Check:
    path = home / "store.db"
    if path.exists():
        return Check(name="store", state="ok", found=f"{path.stat().st_size / 1e6:.1f} MB")
    mend = "postil mine --source KIND:WHERE"
    return Check(name="store", state="absent", found="nothing mined yet", mend=mend)


def _adapter(repo: str, home: Path) -> Check:
    if not repo:
        mend = 'set repo = "owner/name" in postil.toml, or run postil init'
        return Check(name="adapter", state="absent", found="no repository is named", mend=mend)

    def look() -> str:
        folder = Registry(home).current(repo)
        if folder is None:
            return ""
        load_card(folder)
        return folder.name

    return _try(look, "adapter", f"no adapter promoted for {repo}", "postil train, then promote")


def _tuned(repo: str, home: Path) -> Iterator[Check]:
    """What outcomes keep the live adapter from saying; nothing where they do not."""
    from bot.outcomes.shelf import read_tuning

    mend = "nothing is wrong: `postil stats` tells more; [outcomes] tune = false undoes it"
    try:
        live = Registry(home).current(repo) if repo else None
        tuning = read_tuning(home, repo, live.name) if live else None
    except PostilError as error:
        yield Check(name="outcomes", state="missing", found=str(error), mend="see there")
        return
    for reason in tuning.reasons if tuning else ():
        yield Check(name="outcomes", state="ok", found=reason, mend=mend)


def _try(look: Callable[[], str], name: str, absent: str, mend: str) -> Check:
    """A check that may find something broken."""
    try:
        found = look()
    except PostilError as error:
        return Check(name=name, state="missing", found=str(error), mend=mend)
    if found:
        return Check(name=name, state="ok", found=found)
    return Check(name=name, state="absent", found=absent, mend=mend)


def _inbox(home: Path, environment: Mapping[str, str]) -> Check:
    """The server's database, opened as the server opens it; none is made."""
    path = home / "inbox.db"
    if not environment.get("POSTIL_DATABASE_URL") and not path.exists():
        found, mend = "none yet", "the first `postil serve` makes it"
        return Check(name="inbox", state="absent", found=found, mend=mend)
    from sqlalchemy.exc import SQLAlchemyError

    from bot.door.inbox import Inbox
    from bot.places import database_urls

    mend = "check POSTIL_DATABASE_URL and that the database runs and has room"
    try:
        inbox = Inbox(database_urls(home, environment)[0])
        counts = inbox.count()
        inbox.close()
    except (SQLAlchemyError, PostilError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        return Check(name="inbox", state="missing", found=reason, mend=mend)
    given_up = sum(counts.get(state, 0) for state in ("dead", "parked"))
    found = f"{sum(counts.values())} deliveries, {given_up} given up"
    return Check(name="inbox", state="ok", found=found)


def _secret(home: Path, environment: Mapping[str, str]) -> Check:
    if (
        not environment.get(SECRET)
        and not environment.get(f"{SECRET}_FILE")
        and not (home / APP_SECRET).is_file()
    ):
        mend = (
            f"for `postil serve`, set {SECRET}, for example from: openssl rand -hex 32; or"
            " register a GitHub App: postil serve --setup"
        )
        return Check(name="webhook secret", state="absent", found="not set", mend=mend)

    def look() -> str:
        load_secret(environment, home)
        return "set"

    return _try(look, "webhook secret", "", "see the line before this one")


def _admin_token(environment: Mapping[str, str]) -> Check:
    from bot.dashboard.session import TOKEN, load_admin_token

    mend = f"for the dashboard, set {TOKEN}, for example from: openssl rand -hex 32"
    return _try(
        lambda: "set" if load_admin_token(environment) else "", "admin token", "not set", mend
    )


def _sign_in(settings: Settings, home: Path, environment: Mapping[str, str]) -> Check:
    server = settings.server
    if server.forge == "forgejo":
        if environment.get("FORGEJO_TOKEN"):
            return Check(name="FORGEJO_TOKEN", state="ok", found="set")
        mend = "for `postil serve`, set it (write:repository, write:issue)"
        return Check(name="FORGEJO_TOKEN", state="absent", found="not set", mend=mend)
    from bot.hosts.sign_in import load_sign_in

    app = environment.get("POSTIL_APP_ID") or (home / "app" / "id").is_file()
    if not app and not environment.get("GITHUB_TOKEN"):
        mend = (
            "for `postil serve` and `review --pr`, set it (pull requests: read and write), or"
            " register a GitHub App: postil serve --setup"
        )
        return Check(name="GITHUB_TOKEN", state="absent", found="not set", mend=mend)

    def look() -> str:
        load_sign_in(home, environment, server.api_url, server.account)
        return "its key is there" if app else "set"

    return _try(look, "GitHub App" if app else "GITHUB_TOKEN", "", "see the line before this one")
