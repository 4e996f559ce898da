"""One pull request with all that hangs on it, and its commits: what outcomes are read from.

Read as mining reads it, over the sources of `mining`; waits that a host asks for are not slept
here but told, since a job can be put off. Every method may raise HostingError.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Protocol

from bot.hosts.git_change import commits_from_git
from mining.repository import Repository
from mining.sources import RawPayload, Read
from postil.errors import HostingError, PayloadError, SourceError
from postil.records import Change

LONGEST_WAIT_S = 10.0


class OnePull(Protocol):
    """A source that can be asked for one pull request; see `mining.sources`."""

    def fetch_pull(self, number: int) -> RawPayload | None: ...

    def close(self) -> None: ...


class ClosedPulls:
    """The pull requests of one repository, for judging; `clone_url` is fetched with `token`."""

    def __init__(
        self, repo: str, clone_url: str, token: str, source: Callable[[], OnePull], read: Read
    ) -> None:
        self._repo = repo
        self._clone_url = clone_url
        self._token = token
        self._source = source
        self._read = read

    def read(self, number: int) -> Change | None:
        """The pull request as it stands now; None where there is none any more."""
        try:
            with closing(self._source()) as source:
                payload = source.fetch_pull(number)
            return None if payload is None else self._read(payload.body)
        except (SourceError, PayloadError) as error:
            raise HostingError(f"{self._repo}#{number}: {error}") from error

    @contextmanager
    def commits(self, shas: Sequence[str]) -> Iterator[Repository]:
        """A repository with those of these commits that the host still gives."""
        with commits_from_git(self._clone_url, self._token, shas) as repository:
            yield repository


def told_wait(seconds: float) -> None:
    """What mining sleeps, where it is short; HostingError with the wait where it is not."""
    if seconds > LONGEST_WAIT_S:
        raise HostingError(f"the host asks for a wait of {seconds:.0f} s", retry_after_s=seconds)
    time.sleep(seconds)
