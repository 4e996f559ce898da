"""Who we are on GitHub: a personal token, or an App with a token for each installation.

The broker holds the App's private key and nothing else does; what leaves it are tokens of an
hour, for one repository's installation and the least permissions. The model's process gets none.
https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import jwt

from bot.hosts.rest import Rest
from bot.operations.logs import redactor
from mining.clients import PUBLIC_API, registered_app
from postil.errors import ConfigError, HostingError

PERMISSIONS = {
    "checks": "write",
    "contents": "read",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
}
"""What an installation's token may do; `issues` is for answers to comments."""
JWT_S = 540
"""Under GitHub's ten minutes; it begins a minute ago, for clocks that differ."""
SPARE_S = 600.0
"""A token is minted anew when it lives no longer than this: a review must not outlive it."""


class SignIn(Protocol):
    """Tokens for repositories. Every method may raise HostingError."""

    @property
    def is_app(self) -> bool:
        """Whether we are an App: only an App may write check runs and read its deliveries."""
        ...

    def token(self, repo: str) -> str: ...

    def account(self) -> str:
        """Our own login; "" where the token may ask for it."""
        ...

    def forget(self, repo: str) -> None:
        """The token of a repository was refused: mint another when it is next asked for."""
        ...


class Personal:
    """One token for everything."""

    is_app = False

    def __init__(self, token: str, account: str = "") -> None:
        self._token = token
        self._account = account

    def __repr__(self) -> str:
        return "Personal(…)"

    def token(self, repo: str) -> str:
        """The token."""
        return self._token

    def account(self) -> str:
        """As it was configured."""
        return self._account

    def forget(self, repo: str) -> None:
        """There is no other."""


class Broker:
    """Mints installation tokens with the App's key. Safe to share between threads."""

    is_app = True

    def __init__(
        self,
        app_id: str,
        key: str,
        api_url: str = PUBLIC_API,
        *,
        account: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._app_id = app_id
        self._key = key
        self._account = account
        self._now = now
        self._tokens: dict[str, tuple[str, float]] = {}
        self._turn = threading.Lock()
        self.app = Rest(self._sign, api_url, now=now)
        """The App's own interface: its deliveries, its installations."""

    def __repr__(self) -> str:
        return f"Broker({self._app_id!r}, …)"

    def token(self, repo: str) -> str:
        """A token for the installation of a repository; HostingError, lasting, where there is
        none or it is suspended."""
        with self._turn:
            token, ends = self._tokens.get(repo, ("", 0.0))
            if ends - self._now() < SPARE_S:
                token, ends = self._mint(repo)
                self._tokens[repo] = token, ends
            return token

    def account(self) -> str:
        """The login of the App's own account, asked for once."""
        if not self._account:
            self._account = f"{self.app.call('GET', '/app')['slug']}[bot]"
        return self._account

    def forget(self, repo: str) -> None:
        """Mint another when it is next asked for."""
        with self._turn:
            self._tokens.pop(repo, None)

    def _mint(self, repo: str) -> tuple[str, float]:
        try:
            installed = self.app.call("GET", f"/repos/{repo}/installation")
        except HostingError as error:
            if error.lasting and " 404" in str(error):
                message = f"{repo}: the App is not installed there"
                raise HostingError(message, lasting=True) from error
            raise
        if installed.get("suspended_at"):
            raise HostingError(f"{repo}: the installation is suspended", lasting=True)
        held = installed.get("permissions") or PERMISSIONS
        asked = {name: what for name, what in PERMISSIONS.items() if name in held}
        wanted: dict[str, Any] = {"repositories": [repo.partition("/")[2]], "permissions": asked}
        path = f"/app/installations/{int(installed['id'])}/access_tokens"
        minted = self.app.call("POST", path, wanted)
        redactor.add(minted["token"])
        return minted["token"], datetime.fromisoformat(minted["expires_at"]).timestamp()

    def _sign(self) -> str:
        now = int(self._now())
        claims = {"iat": now - 60, "exp": now + JWT_S, "iss": self._app_id}
        return jwt.encode(claims, self._key, algorithm="RS256")


def load_sign_in(home: Path, environment: Mapping[str, str], api_url: str, account: str) -> SignIn:
    """The App of the environment or of `/setup`, else GITHUB_TOKEN; ConfigError where none is."""
    known, own_key = registered_app(home)
    app_id = environment.get("POSTIL_APP_ID", "") or known
    file = Path(environment.get("POSTIL_PRIVATE_KEY_FILE", "") or own_key)
    if app_id:
        return Broker(app_id, _read_key(file.expanduser()), api_url, account=account)
    return Personal(load_token(environment), account)


def load_token(environment: Mapping[str, str]) -> str:
    """The token that reads pull requests and posts; raise ConfigError where there is none."""
    token = environment.get("GITHUB_TOKEN", "")
    if not token:
        raise ConfigError(
            "no token: set GITHUB_TOKEN (pull requests: read and write), or register an App with"
            " postil serve --setup"
        )
    return token


def _read_key(file: Path) -> str:
    """The App's key; refused where others may read it, or where it is none."""
    try:
        if file.stat().st_mode & 0o077:
            raise ConfigError(f"{file}: others may read the App's key; chmod 600 it")
        key = file.read_text(encoding="ascii")
        jwt.encode({}, key, algorithm="RS256")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: the App's key cannot be read") from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise ConfigError(f"{file}: not a private key in PEM") from error
    return key
