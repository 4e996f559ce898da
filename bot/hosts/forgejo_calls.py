"""Calls to a Forgejo with our patience: reads are repeated, writes never; a fault is one line."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

from mining.clients import READ_RETRIES, wait_s
from postil.errors import HostingError

FAULTS = (requests.RequestException,)
PAGE = 50
"""Forgejo gives no more, whatever is asked for."""
REASONS = {
    401: "the token is not accepted: set a valid one in FORGEJO_TOKEN",
    403: "the token may not: it needs write:repository and write:issue",
    404: "not found, or the token may not see it",
}


class ForgejoCalls:
    """Requests about one repository, at the address of the server's interface."""

    def __init__(
        self,
        api: str,
        repo: str,
        token: str,
        timeout_s: int = 20,
        longest_wait_s: float = 10.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api, self._repo = api, repo
        self._timeout_s, self._longest_wait_s, self._sleep = timeout_s, longest_wait_s, sleep
        self._session = requests.Session()
        if token:
            self._session.headers["Authorization"] = f"token {token}"

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def send(self, verb: str, path: str, body: Any = None) -> requests.Response:
        """One request; RequestException where it was not a success. Redirects are not followed:
        the token goes to no other address."""
        answer = self._session.request(
            verb, f"{self._api}{path}", json=body, timeout=self._timeout_s, allow_redirects=False
        )
        if answer.status_code >= 300:
            raise requests.HTTPError(f"{answer.status_code}", response=answer)
        return answer

    def read(self, path: str, number: int, what: str) -> requests.Response:
        """A read, again up to four times; raise HostingError with the wait it would need."""
        pause_s, retries = 0.5, 0
        while True:
            try:
                return self.send("GET", path)
            except FAULTS as error:
                fault = self.fault(number, what, error)
                pause_s = fault.retry_after_s or pause_s * 2
                if fault.lasting or retries == READ_RETRIES or pause_s > self._longest_wait_s:
                    raise fault from error
            self._sleep(pause_s)
            retries += 1

    def listed(self, path: str, number: int, what: str) -> Iterator[dict[str, Any]]:
        """The members of a list that comes in pages."""
        page = 1
        while True:
            some = self.read(f"{path}?limit={PAGE}&page={page}", number, what).json() or []
            yield from some
            if len(some) < PAGE:
                return
            page += 1

    def fault(self, number: int, what: str, error: Exception) -> HostingError:
        """Say what failed, when to come back, and whether coming back can help."""
        where = f"{self._repo}#{number}: cannot {what}" if number else f"cannot {what}"
        if not isinstance(error, requests.HTTPError):
            return HostingError(f"{where}: {type(error).__name__}")
        answer = error.response
        headers = {name.lower(): value for name, value in answer.headers.items()}
        wait = wait_s(answer.status_code, headers, answer.text[:500], time.time())
        if wait is not None:
            return HostingError(
                f"{where}: the server limits our rate; again in {wait:.0f} s", retry_after_s=wait
            )
        said = _message(answer)
        if answer.status_code in REASONS:
            said = f"{REASONS[answer.status_code]} ({said})"
        lasting = answer.status_code < 500
        return HostingError(f"{where}: {answer.status_code} {said}", lasting=lasting)


def _message(answer: requests.Response) -> str:
    try:
        message = answer.json().get("message")
    except (ValueError, AttributeError):
        message = None
    return " ".join(str(message or "refused").split())[:200]
