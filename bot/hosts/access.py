"""What the server reaches of GitHub: pull requests, conversations and checks of any repository.

Tokens come from `sign_in`, fresh for every job; every write is noted in the ledger first.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from bot.hosts import LineComment, PullHead, Pulls
from bot.hosts.checks import Checks
from bot.hosts.closed_pulls import ClosedPulls, OnePull, told_wait
from bot.hosts.conversation import Conversation
from bot.hosts.github import GitHubPulls
from bot.hosts.rest import Rest
from bot.hosts.sign_in import SignIn
from bot.work.ledger import Ledger
from mining.clients import PUBLIC_API, GitHubReader, connect
from mining.clients import Access as Credentials
from mining.sources import github
from postil.records import PostedComment


class Metered:
    """A `Pulls` whose writes are noted, and put off where there were too many."""

    def __init__(self, pulls: Pulls, ledger: Ledger) -> None:
        self._pulls = pulls
        self._ledger = ledger

    @property
    def repo(self) -> str:
        """Whose pull requests."""
        return self._pulls.repo

    def read_pull(self, number: int) -> PullHead:
        """See `Pulls`."""
        return self._pulls.read_pull(number)

    def read_file(self, path: str, sha: str) -> str | None:
        """See `Pulls`."""
        return self._pulls.read_file(path, sha)

    def read_diff(self, number: int) -> str:
        """See `Pulls`."""
        return self._pulls.read_diff(number)

    def our_comments(self, number: int) -> list[PostedComment]:
        """See `Pulls`."""
        return self._pulls.our_comments(number)

    def post_review(
        self, number: int, head_sha: str, body: str, comments: Sequence[LineComment]
    ) -> None:
        """See `Pulls`."""
        self._ledger.take(self.repo)
        self._pulls.post_review(number, head_sha, body, comments)

    def put_summary(self, number: int, body: str, comment_id: int | None) -> None:
        """See `Pulls`."""
        self._ledger.take(self.repo)
        self._pulls.put_summary(number, body, comment_id)

    def settle(self, number: int, comment: PostedComment, head_sha: str) -> None:
        """See `Pulls`."""
        self._ledger.take(self.repo)
        self._pulls.settle(number, comment, head_sha)


class GitHubAccess:
    """The doors to repositories, kept open as long as their token is good."""

    def __init__(self, sign_in: SignIn, key: bytes, api_url: str, ledger: Ledger) -> None:
        self.sign_in = sign_in
        self._key = key
        self._api_url = api_url
        self._ledger = ledger
        self._open: dict[str, tuple[str, GitHubPulls]] = {}

    def pulls(self, repo: str) -> Pulls:
        """The pull requests of a repository; HostingError where no token can be had."""
        token = self.sign_in.token(repo)
        known = self._open.get(repo)
        if known is None or known[0] != token:
            if known is not None:
                known[1].close()
            account = self.sign_in.account()
            pulls = GitHubPulls(repo, token, self._key, account=account, base_url=self._api_url)
            self._open[repo] = token, pulls
        return Metered(self._open[repo][1], self._ledger)

    def conversation(self, repo: str) -> Conversation:
        """Its comments."""
        return Conversation(self._rest(repo), repo, self._key, self.account(repo), self._ledger)

    def account(self, repo: str) -> str:
        """Our own login."""
        return self.sign_in.account() or str(self._rest(repo).call("GET", "/user")["login"])

    def checks(self, repo: str) -> Checks | None:
        """Its check runs; None where we are no App."""
        return Checks(self._rest(repo), repo) if self.sign_in.is_app else None

    def open_pulls(self, repo: str) -> Iterator[dict[str, Any]]:
        """The open pull requests as the host tells of them, the last updated first."""
        path = f"/repos/{repo}/pulls?state=open&sort=updated&direction=desc&per_page=100"
        for page in self._rest(repo).pages(path):
            yield from page

    def closed_pulls(self, repo: str) -> Iterator[dict[str, Any]]:
        """The closed pull requests as the host tells of them, the last updated first."""
        path = f"/repos/{repo}/pulls?state=closed&sort=updated&direction=desc&per_page=100"
        for page in self._rest(repo).pages(path):
            yield from page

    def closed(self, repo: str) -> ClosedPulls:
        """Its pull requests with all that hangs on them, and their commits."""
        token, url = self.sign_in.token(repo), self._api_url.rstrip("/")
        site = "https://github.com" if url == PUBLIC_API else url.removesuffix("/api/v3")

        def source() -> OnePull:
            signed_in = Credentials(github_token=token)
            reader = GitHubReader(connect(signed_in, url, repo), sleep=told_wait)
            return github.GitHub(repo, None, repo, signed_in, reader=reader)

        return ClosedPulls(repo, f"{site}/{repo}.git", token, source, github.read)

    def close(self) -> None:
        """Close every connection."""
        for _, pulls in self._open.values():
            pulls.close()
        self._open.clear()

    def _rest(self, repo: str) -> Rest:
        return Rest(lambda: self.sign_in.token(repo), self._api_url)
