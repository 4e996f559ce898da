"""What only the host can tell `postil doctor`: whether the clocks agree, and what we may do there.

Reads only. Every fault is a check with its mend, never an exception.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests

from bot.hosts.rest import TIMEOUT_S, Rest
from bot.hosts.sign_in import PERMISSIONS, Broker, SignIn, load_sign_in
from bot.operations.doctor import Check
from postil.errors import ConfigError, HostingError
from postil.settings import ServerSettings, Settings

MOST_SKEW_S = 30.0
"""GitHub refuses the tokens of an App whose clock is more than a minute ahead."""


def examine_online(
    settings: Settings,
    home: Path,
    environment: Mapping[str, str],
    now: Callable[[], float] = time.time,
) -> Iterator[Check]:
    """Every check that asks GitHub."""
    server = settings.server
    if server.forge != "github":
        yield Check(name="host", state="ok", found=f"{server.api_url}: not asked, only GitHub is")
        return
    yield _clock(server, now)
    try:
        sign_in = load_sign_in(home, environment, server.api_url, server.account)
    except ConfigError as error:
        yield Check(name="sign-in", state="missing", found=str(error), mend="see the line before")
        return
    yield _permissions(sign_in, settings)


def _clock(server: ServerSettings, now: Callable[[], float]) -> Check:
    """Compare our clock with the host's `Date`."""
    try:
        answer = requests.get(server.api_url, timeout=TIMEOUT_S, allow_redirects=False)
        there = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (requests.RequestException, KeyError, ValueError) as error:
        found = f"{server.api_url} cannot be asked: {type(error).__name__}"
        mend = "check [server] api_url, the network and its proxy"
        return Check(name="clock", state="missing", found=found, mend=mend)
    skew = now() - there
    found = f"{skew:+.0f} s from {server.api_url}"
    if abs(skew) <= MOST_SKEW_S:
        return Check(name="clock", state="ok", found=found)
    mend = "set the clock, for example with systemd-timesyncd or chrony"
    return Check(name="clock", state="missing", found=found, mend=mend)


def _permissions(sign_in: SignIn, settings: Settings) -> Check:
    repo = settings.repo
    name = "App permissions" if sign_in.is_app else "token permissions"
    if not repo:
        mend = 'set repo = "owner/name" in postil.toml'
        return Check(name=name, state="absent", found="no repository to ask about", mend=mend)
    try:
        lacking = _lacking_app(sign_in, repo) if isinstance(sign_in, Broker) else []
        if not sign_in.is_app:
            lacking = _lacking_token(sign_in, settings)
    except HostingError as error:
        mend = "mend what the host says; a new token or key, or install the App there"
        return Check(name=name, state="missing", found=str(error), mend=mend)
    if not lacking:
        return Check(name=name, state="ok", found=f"enough for {repo}")
    found, mend = f"{repo}: lacks {', '.join(lacking)}", "grant it on the host"
    return Check(name=name, state="missing", found=found, mend=mend)


def _lacking_app(broker: Broker, repo: str) -> list[str]:
    installed = broker.app.call("GET", f"/repos/{repo}/installation")
    held: dict[str, Any] = installed.get("permissions") or {}
    return [
        f"{name}: {what}"
        for name, what in PERMISSIONS.items()
        if held.get(name) not in (what, "write", "admin")
    ]


def _lacking_token(sign_in: SignIn, settings: Settings) -> list[str]:
    """A token that may push may review; whether it may do less is not told."""
    repo = settings.repo
    rest = Rest(lambda: sign_in.token(repo), settings.server.api_url)
    held = rest.call("GET", f"/repos/{repo}").get("permissions") or {}
    return [] if held.get("push") or held.get("triage") or held.get("pull") else ["read access"]
