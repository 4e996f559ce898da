"""GitHub's interfaces with our own retry policy, signed in by PyGithub; read only.

The connection never retries. A rate limit is waited for exactly, however long, and said; a fault
of the server is tried again up to four times with waits of at most a minute; what only a person
can mend is one SourceError. https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import jwt
import msgspec
import requests
from github import Auth, Github, GithubException, GithubIntegration

from mining.connection import Connection
from postil.errors import ConfigError, SourceError

log = logging.getLogger(__name__)

PUBLIC_API = "https://api.github.com"
READ_RETRIES = 4
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
SECONDARY_WAIT_S = 60.0
"""GitHub's advice for a secondary limit that names no time.
https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

Json = dict[str, Any]


T = TypeVar("T")


class Answer(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """An answer of GraphQL, its `data` read as T; either part may be missing."""

    data: T | None = None
    errors: tuple[Json, ...] | None = None


SERVER_FAULTS = frozenset({500, 502, 503, 504})
MEND = {
    401: "the token has expired or was revoked: set a new one in GITHUB_TOKEN; what was fetched "
    "is stored, the same command goes on",
    403: "the token may not read this: it needs read access to pull requests and contents",
    404: "there is no such repository, or the token may not see it",
    410: "this was deleted",
}


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials of the forges, from the environment alone. Never printed."""

    github_token: str = ""
    app_id: str = ""
    private_key_file: str = ""
    forgejo_token: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], home: Path | None = None) -> "Access":
        """POSTIL_APP_ID with POSTIL_PRIVATE_KEY_FILE, or GITHUB_TOKEN, or the App that `/setup`
        registered in `home`; FORGEJO_TOKEN."""
        token, app_id = environment.get("GITHUB_TOKEN", ""), environment.get("POSTIL_APP_ID", "")
        key_file = environment.get("POSTIL_PRIVATE_KEY_FILE", "")
        if home and not token and not app_id:
            app_id, own_key = registered_app(home)
            key_file = key_file or str(own_key)
        return cls(
            github_token=token,
            app_id=app_id,
            private_key_file=key_file,
            forgejo_token=environment.get("FORGEJO_TOKEN", ""),
        )

    def __repr__(self) -> str:
        return "Access(…)"


def registered_app(home: Path) -> tuple[str, Path]:
    """The id of the App that `/setup` registered in a home, "" for none, and its key's file."""
    file = home / "app" / "id"
    known = file.read_text(encoding="ascii").strip() if file.exists() else ""
    return known, home / "app" / "key.pem"


class ServerFaultError(Exception):
    """GitHub failed on its side, or would not answer so large a question."""


class GitHubReader:
    """Reads one GitHub. `notice` is told of every wait; `requests` counts what was sent."""

    def __init__(
        self,
        github: Github,
        *,
        notice: Callable[[str], None] = log.info,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._connection = Connection(github)
        self._notice, self._sleep, self._now = notice, sleep, now
        self.requests = 0

    @property
    def token(self) -> str:
        """What git signs in with; "" where nobody is signed in."""
        return self._connection.token

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def graphql(self, query: str, variables: Json, kind: type[Answer[T]]) -> Answer[T]:
        """The whole answer, `errors` included. ServerFaultError: ask for less; else SourceError."""
        question = {"query": query, "variables": variables}
        while True:
            status, headers, body = self._send("POST", self._connection.graphql_url, question)
            if status >= 400:
                self._refuse(status, _parse(body), "GraphQL")
            try:
                answer = msgspec.json.decode(body, type=kind)
            except msgspec.DecodeError as error:  # a proxy's page
                raise ServerFaultError(f"an answer that cannot be read: {error}") from error
            if not any(error.get("type") == "RATE_LIMITED" for error in answer.errors or ()):
                return answer
            self._wait(wait_s(403, headers, "rate limit", self._now()) or SECONDARY_WAIT_S)

    def rest(self, path: str) -> tuple[Any, str | None]:
        """One page of a REST answer and the address of the next one."""
        pause_s = FIRST_WAIT_S
        for left in reversed(range(READ_RETRIES + 1)):
            status, headers, body = self._send("GET", path, None)
            answer = _parse(body)
            if status not in SERVER_FAULTS:
                self._refuse(status, answer, path.partition("?")[0])
                return answer, _next_page(headers.get("link", ""))
            if left:
                self.pause(pause_s, f"GitHub answered {status}")
                pause_s = min(pause_s * 2, LONGEST_WAIT_S)
        raise SourceError(f"{path}: GitHub answered {status} {READ_RETRIES + 1} times; try later")

    def pause(self, seconds: float, why: str) -> None:
        """Wait, and say so."""
        self._notice(f"{why}; waiting {seconds:.0f} s")
        self._sleep(seconds)

    def _send(self, verb: str, url: str, body: Json | None) -> tuple[int, dict[str, str], bytes]:
        """One request, again after a rate limit or a lost connection."""
        pause_s, left = FIRST_WAIT_S, READ_RETRIES
        while True:
            self.requests += 1
            try:
                status, headers, content = self._connection.send(verb, url, body)
            except requests.RequestException as error:
                if not left:
                    raise SourceError(
                        f"GitHub cannot be reached: {type(error).__name__}"
                    ) from error
                self.pause(pause_s, f"GitHub cannot be reached ({type(error).__name__})")
                pause_s, left = min(pause_s * 4, LONGEST_WAIT_S), left - 1
                continue
            except GithubException as error:  # an App that may not have a token any more
                raise SourceError(f"GitHub: {MEND.get(error.status, 'refused')}") from error
            said = content.decode("utf-8", "replace") if status >= 400 else ""
            wait = wait_s(status, headers, said, self._now())
            if wait is None:
                return status, headers, content
            self._wait(wait)

    def _wait(self, seconds: float) -> None:
        self.pause(seconds, "GitHub limits our rate")

    def _refuse(self, status: int, answer: Json, what: str) -> None:
        if status in SERVER_FAULTS:
            raise ServerFaultError(f"{status}")
        if status >= 400:
            message = answer.get("message", "") if isinstance(answer, dict) else ""
            said = MEND.get(status) or " ".join(str(message).split())[:200] or "refused"
            raise SourceError(f"{what}: {status}: {said}")


def connect(access: Access, api_url: str, repo: str, *, timeout_s: int = 30) -> Github:
    """A GitHub that signs in as the App where one is configured, else with the token."""
    if not access.app_id:
        if not access.github_token:
            raise ConfigError("no way to sign in: set GITHUB_TOKEN (read access is enough)")
        return _github(Auth.Token(access.github_token), api_url, timeout_s)
    if not access.private_key_file:
        raise ConfigError("POSTIL_APP_ID is set: set POSTIL_PRIVATE_KEY_FILE as well")
    try:
        key = Path(access.private_key_file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{access.private_key_file}: the App's key cannot be read") from error
    owner, _, name = repo.partition("/")
    try:
        app = Auth.AppAuth(access.app_id, key)
        integration = GithubIntegration(auth=app, base_url=api_url, retry=0, timeout=timeout_s)
        installed = integration.get_repo_installation(owner, name)
        return _github(app.get_installation_auth(installed.id), api_url, timeout_s)
    except GithubException as error:
        said = "it is not installed there" if error.status == 404 else f"{error.status}"
        raise SourceError(f"{repo}: the App cannot sign in: {said}") from error
    except (jwt.PyJWTError, ValueError, TypeError, requests.RequestException) as error:
        raise SourceError(f"{repo}: the App cannot sign in: {type(error).__name__}") from error


def _github(auth: Auth.Auth, api_url: str, timeout_s: int) -> Github:
    return Github(
        auth=auth,
        base_url=api_url,
        retry=0,
        timeout=timeout_s,
        per_page=100,
        seconds_between_requests=0,
        seconds_between_writes=0,
        lazy=True,
    )


def api_url_of(where: str) -> tuple[str, str]:
    """The API's address and owner/name, of `owner/name` or of a repository's address."""
    if "://" not in where:
        return PUBLIC_API, where.strip("/")
    parts = urlsplit(where)
    repo = parts.path.strip("/").removesuffix(".git")
    if parts.hostname in ("github.com", "www.github.com"):
        return PUBLIC_API, repo
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}/api/v3", repo


def site_of(api_url: str) -> str:
    """GitHub's own pages and repositories, by the address of its interface."""
    parts = urlsplit(api_url)
    return "https://github.com" if api_url == PUBLIC_API else f"{parts.scheme}://{parts.netloc}"


def wait_s(status: int, headers: Mapping[str, Any], text: str, now: float) -> float | None:
    """Seconds that a rate limit asks for; None where an answer is no rate limit."""
    if status not in (403, 429):
        return None
    after = str(headers.get("retry-after", ""))
    if after.isdigit():
        return float(after)
    reset = str(headers.get("x-ratelimit-reset", ""))
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(1.0, float(reset) - now + 1)  # somewhere within that second
    limited = "rate limit" in text.lower()
    return SECONDARY_WAIT_S if limited or status == 429 else None


def _parse(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else {}
    except msgspec.DecodeError:
        return {}  # a proxy's page


def _next_page(link: str) -> str | None:
    for part in link.split(","):
        address, _, relation = part.partition(";")
        if 'rel="next"' in relation:
            return address.strip(" <>")
    return None
