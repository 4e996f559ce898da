"""Calls to GitHub with our patience: reads are repeated, writes never, faults become one line.

What a rate limit asks for is slept here where it is short, else handed to the caller.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import requests
from github import GithubException

from mining.clients import READ_RETRIES, wait_s
from postil.errors import HostingError

FAULTS = (GithubException, requests.RequestException)
"""All that a call to GitHub raises."""

PERMISSIONS = "pull_requests=write and contents=read"
"""What a token needs, where GitHub does not name it in `X-Accepted-GitHub-Permissions`."""
REASONS = {
    401: "the token is not accepted",
    403: "the token may not",
    404: "not found, or the token may not see it",
    406: "the diff is too large for GitHub to show (300 files, 20,000 lines or 1 MB)",
}

T = TypeVar("T")


class GitHubCalls:
    """Calls about one repository."""

    def __init__(
        self,
        repo: str,
        longest_wait_s: float = 10.0,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._repo = repo
        self._longest_wait_s = longest_wait_s
        self._sleep = sleep
        self._now = now

    def read(self, number: int, what: str, call: Callable[[], T]) -> T:
        """Run a read, again up to four times; raise HostingError with the wait it would need."""
        pause_s, retries = 0.5, 0
        while True:
            try:
                return call()
            except FAULTS as error:
                fault = self.fault(number, what, error)
                pause_s = fault.retry_after_s or pause_s * 2
                if fault.lasting or retries == READ_RETRIES or pause_s > self._longest_wait_s:
                    raise fault from error
            self._sleep(pause_s)
            retries += 1

    def fault(self, number: int, what: str, error: Exception) -> HostingError:
        """Say what failed, when to come back, and whether coming back can help."""
        where = f"{self._repo}#{number}: cannot {what}" if number else f"cannot {what}"
        if not isinstance(error, GithubException):
            return HostingError(f"{where}: {type(error).__name__}")
        headers = error.headers or {}
        wait = wait_s(error.status, headers, _message(error), self._now())
        if wait is not None:
            return HostingError(
                f"{where}: GitHub limits our rate; again in {wait:.0f} s", retry_after_s=wait
            )
        reason = REASONS.get(error.status, _message(error))
        if error.status == 403:
            wanted = headers.get("x-accepted-github-permissions") or PERMISSIONS
            reason = f"{reason}: it needs {wanted} ({_message(error)})"
        lasting = error.status < 500
        return HostingError(f"{where}: {error.status} {reason}", lasting=lasting)


def _message(error: GithubException) -> str:
    data = error.data
    message = data.get("message") if isinstance(data, dict) else None
    return " ".join(str(message or "refused").split())[:200]
