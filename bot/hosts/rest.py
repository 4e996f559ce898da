"""Single requests to GitHub that PyGithub has no safe way for: the App's own, checks, answers.

Nothing is sent twice. What goes wrong is a HostingError that says whether, and when, coming back
can help. Answers are parsed JSON.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

from mining.clients import PUBLIC_API, wait_s
from postil.errors import HostingError

TIMEOUT_S = 20
VERSION = "2022-11-28"
"""https://docs.github.com/rest/about-the-rest-api/api-versions"""


class Rest:
    """GitHub's REST interface under one way to sign in; `sign_in` returns a bearer token."""

    def __init__(
        self,
        sign_in: Callable[[], str],
        api_url: str = PUBLIC_API,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._sign_in = sign_in
        self._api_url = api_url.rstrip("/")
        self._now = now

    def call(self, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request; what came back, None where nothing did."""
        return self._send(verb, path, body)[0]

    def pages(self, path: str) -> Iterator[Any]:
        """The answers to a GET, page by page, following the host's links."""
        following: str | None = path
        while following is not None:
            answer, following = self._send("GET", following, None)
            yield answer

    def _send(self, verb: str, path: str, body: dict[str, Any] | None) -> tuple[Any, str | None]:
        where = f"{verb} {path.partition('?')[0]}"
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._sign_in()}",
            "X-GitHub-Api-Version": VERSION,
        }
        try:
            answer = requests.request(
                verb,
                f"{self._api_url}{path}",
                json=body,
                headers=headers,
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise HostingError(f"{where}: {type(error).__name__}") from error
        if answer.status_code >= 400:
            raise self._fault(where, answer)
        parsed = self._parse(answer) if answer.content else None
        return parsed, self._next(answer)

    def _next(self, answer: requests.Response) -> str | None:
        """The path of the next page; an address elsewhere than our interface is none."""
        address = str(answer.links.get("next", {}).get("url", ""))
        here = address.startswith(f"{self._api_url}/")
        return address.removeprefix(self._api_url) if here else None

    def _fault(self, where: str, answer: requests.Response) -> HostingError:
        wait = wait_s(answer.status_code, answer.headers, answer.text, self._now())
        if wait is not None:
            limited = f"{where}: GitHub limits our rate; again in {wait:.0f} s"
            return HostingError(limited, retry_after_s=wait)
        said = self._parse(answer)
        message = said.get("message", "") if isinstance(said, dict) else ""
        text = f"{where}: {answer.status_code} {' '.join(str(message).split())[:200]}".strip()
        return HostingError(text, lasting=answer.status_code < 500)

    def _parse(self, answer: requests.Response) -> Any:
        try:
            return answer.json()
        except requests.JSONDecodeError:
            return {}  # a proxy's page
