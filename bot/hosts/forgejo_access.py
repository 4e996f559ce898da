"""What the server reaches of a Forgejo: pull requests and conversations of any repository.

One token for everything; there are no check runs. Every write is noted in the ledger first.
"""

from collections.abc import Iterator
from typing import Any

from bot.hosts import Pulls
from bot.hosts.access import Metered
from bot.hosts.closed_pulls import ClosedPulls, OnePull, told_wait
from bot.hosts.conversation import Conversation
from bot.hosts.forgejo import ForgejoPulls
from bot.hosts.rest import Rest
from bot.hosts.sign_in import Personal, SignIn
from bot.work.ledger import Ledger
from mining.clients import Access as Credentials
from mining.sources import forgejo


class ForgejoAccess:
    """The doors to repositories of the server at `url`."""

    def __init__(self, token: str, key: bytes, url: str, account: str, ledger: Ledger) -> None:
        self.sign_in: SignIn = Personal(token, account)
        self._key = key
        self._url = url.rstrip("/")
        self._ledger = ledger
        self._open: dict[str, ForgejoPulls] = {}
        self._rest = Rest(lambda: token, f"{self._url}/api/v1")

    def pulls(self, repo: str) -> Pulls:
        """The pull requests of a repository."""
        if repo not in self._open:
            account, token = self.sign_in.account(), self.sign_in.token(repo)
            self._open[repo] = ForgejoPulls(repo, token, self._key, url=self._url, account=account)
        return Metered(self._open[repo], self._ledger)

    def conversation(self, repo: str) -> Conversation:
        """Its comments."""
        return Conversation(self._rest, repo, self._key, self.account(repo), self._ledger)

    def account(self, _repo: str) -> str:
        """Our own login, the same everywhere."""
        return self.sign_in.account() or str(self._rest.call("GET", "/user")["login"])

    def checks(self, repo: str) -> None:
        """There are none."""

    def open_pulls(self, repo: str) -> Iterator[dict[str, Any]]:
        """The open pull requests as the host tells of them, the last updated first."""
        path = f"/repos/{repo}/pulls?state=open&sort=recentupdate&limit=50"
        for page in self._rest.pages(path):
            yield from page

    def closed_pulls(self, repo: str) -> Iterator[dict[str, Any]]:
        """The closed pull requests as the host tells of them, the last updated first."""
        path = f"/repos/{repo}/pulls?state=closed&sort=recentupdate&limit=50"
        for page in self._rest.pages(path):
            yield from page

    def closed(self, repo: str) -> ClosedPulls:
        """Its pull requests with all that hangs on them, and their commits."""
        token = self.sign_in.token(repo)

        def source() -> OnePull:
            signed_in = Credentials(forgejo_token=token)
            return forgejo.Forgejo(f"{self._url}/{repo}", None, repo, signed_in, sleep=told_wait)

        return ClosedPulls(repo, f"{self._url}/{repo}.git", token, source, forgejo.read)

    def close(self) -> None:
        """Close every connection."""
        for pulls in self._open.values():
            pulls.close()
        self._open.clear()
