"""GitHub through PyGithub, with our own retry policy.

PyGithub's default sends one comment up to eleven times and sleeps through rate limits. Here the
transport never retries; reads are repeated up to four times with short waits; a longer wait is
handed to the caller as `HostingError.retry_after_s`; a POST is sent once, and after a failure
that tells nothing our marker is searched for before anybody sends it again.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import requests
from github import Auth, Github, GithubException
from github.PullRequest import PullRequest, ReviewComment

from bot.hosts import LineComment, PullHead
from bot.hosts.limits import fit, fold
from mining.clients import PUBLIC_API, READ_RETRIES, wait_s
from postil.errors import HostingError, PayloadError
from postil.marker import SHAPE, read_marker
from postil.records import PostedComment

log = logging.getLogger(__name__)

DIFF = "application/vnd.github.diff"

T = TypeVar("T")


class GitHubPulls:
    """The pull requests of one repository; also of GitHub Enterprise, by `base_url`.

    `key` signs our markers; `account` is our own login, asked of the host where it is "" (an App
    or a workflow token may not ask, and must be given it). Waits up to `longest_wait_s` are slept
    here. `pauses` are the seconds between requests and between writes.
    """

    def __init__(
        self,
        repo: str,
        token: str,
        key: bytes,
        *,
        account: str = "",
        base_url: str = PUBLIC_API,
        timeout_s: int = 20,
        longest_wait_s: float = 10.0,
        pauses: tuple[float, float] = (0.1, 1.0),
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.repo = repo
        self._key = key
        self._account = account
        self._longest_wait_s = longest_wait_s
        self._sleep = sleep
        self._now = now
        self._github = Github(
            auth=Auth.Token(token),
            base_url=base_url.rstrip("/"),
            timeout=timeout_s,
            per_page=100,
            retry=0,
            seconds_between_requests=pauses[0],
            seconds_between_writes=pauses[1],
            lazy=True,
        )

    def __repr__(self) -> str:
        return f"GitHubPulls({self.repo!r})"

    def close(self) -> None:
        """Close the connection."""
        self._github.close()

    def read_pull(self, number: int) -> PullHead:
        """The pull request as it stands now."""
        return self._read(number, "read the pull request", lambda: self._head(number))

    def _head(self, number: int) -> PullHead:
        pull = self._pull(number)
        return PullHead(
            repo=self.repo,
            number=number,
            head_sha=pull.head.sha,
            base_sha=pull.base.sha,
            title=pull.title,
            author=pull.user.login if pull.user else "",
            draft=bool(pull.draft),
            state="open" if pull.state == "open" else "closed",
            labels=tuple(label.name for label in pull.labels or ()),
            author_is_bot=bool(pull.user and pull.user.type == "Bot"),
        )

    def read_diff(self, number: int) -> str:
        """The whole diff, base to head; HostingError when GitHub finds it too large."""
        return self._read(number, "read the diff", lambda: self._diff(number))

    def _diff(self, number: int) -> str:
        requester = self._github.requester
        status, headers, text = requester.requestJson(
            "GET", f"/repos/{self.repo}/pulls/{number}", headers={"Accept": DIFF}
        )
        if status >= 400:
            raise GithubException(status, {"message": text[:200]}, headers)
        return text

    def our_comments(self, number: int) -> list[PostedComment]:
        """Our line comments and reviews, by our account and with a marker of our key."""
        account = self.account().lower()
        posted: list[PostedComment] = []
        for login, comment_id, url, body in self._read(
            number, "read the comments", lambda: self._bodies(number)
        ):
            if login.lower() != account:
                continue
            for match in SHAPE.finditer(body):
                marker = read_marker(match.group(), self._key)
                if marker is not None:
                    posted.append(
                        PostedComment(
                            place=marker.place,
                            fingerprint=marker.fingerprint,
                            comment_id=comment_id,
                            url=url,
                            head_sha=marker.head_sha,
                            adapter=marker.adapter,
                        )
                    )
        return posted

    def _bodies(self, number: int) -> list[tuple[str, int, str, str]]:
        """Login, id, address and text of every review and review comment; "" for a ghost."""
        pull = self._pull(number)
        said = [*pull.get_reviews(), *pull.get_review_comments()]
        return [(x.user.login if x.user else "", x.id, x.html_url, x.body or "") for x in said]

    def account(self) -> str:
        """Our own login; asked of the host once."""
        if not self._account:
            user = self._github.get_user()
            what = "read our own account (an App has none to read: set [server] account)"
            self._account = self._read(0, what, lambda: user.login)
        return self._account

    def post_review(
        self, number: int, head_sha: str, body: str, comments: Sequence[LineComment]
    ) -> None:
        """Post one review in one call, unless its marker stands there already.

        A refused line (422 for the whole review, the offender unnamed) moves every comment into
        the body. Raises HostingError where it is not known to have been posted.
        """
        marker = read_marker(body, self._key)
        if marker is None:
            raise PayloadError(f"{self.repo}#{number}: a review without our marker is never posted")
        if self._is_posted(number, marker.place):
            log.info("review is there already repo=%s pull=%d", self.repo, number)
            return
        try:
            self._send(number, head_sha, fit(body), comments)
        except GithubException as error:
            if error.status == 422 and comments:
                log.warning("a line was refused repo=%s pull=%d, folding", self.repo, number)
                self._post_folded(number, head_sha, fold(body, comments), marker.place)
            elif error.status < 500 or not self._is_posted(number, marker.place):
                raise self._fault(number, "post the review", error) from error
        except requests.RequestException as error:
            if not self._is_posted(number, marker.place):
                raise self._fault(number, "post the review", error) from error

    def _post_folded(self, number: int, head_sha: str, body: str, place: str) -> None:
        try:
            self._send(number, head_sha, body, ())
        except (GithubException, requests.RequestException) as error:
            if not self._is_posted(number, place):
                raise self._fault(number, "post the review", error) from error

    def _send(self, number: int, head_sha: str, body: str, comments: Sequence[LineComment]) -> None:
        commit = self._github.get_repo(self.repo).get_commit(head_sha)
        payload = [_payload(comment) for comment in comments]
        self._pull(number).create_review(commit, body, "COMMENT", payload)

    def _is_posted(self, number: int, place: str) -> bool:
        return any(comment.place == place for comment in self.our_comments(number))

    def _pull(self, number: int) -> PullRequest:
        return self._github.get_repo(self.repo).get_pull(number)

    def _read(self, number: int, what: str, call: Callable[[], T]) -> T:
        """Run a read, again up to four times; raise HostingError with the wait it would need."""
        pause_s, retries = 0.5, 0
        while True:
            try:
                return call()
            except (GithubException, requests.RequestException) as error:
                fault = self._fault(number, what, error)
                pause_s = fault.retry_after_s or pause_s * 2
                if fault.lasting or retries == READ_RETRIES or pause_s > self._longest_wait_s:
                    raise fault from error
            self._sleep(pause_s)
            retries += 1

    def _fault(self, number: int, what: str, error: Exception) -> HostingError:
        """Say what failed, when to come back, and whether coming back can help."""
        where = f"{self.repo}#{number}: cannot {what}" if number else f"cannot {what}"
        if not isinstance(error, GithubException):
            return HostingError(f"{where}: {type(error).__name__}")
        headers = error.headers or {}
        wait = wait_s(error.status, headers, _message(error), self._now())
        if wait is not None:
            return HostingError(
                f"{where}: GitHub limits our rate; again in {wait:.0f} s", retry_after_s=wait
            )
        reason = REASONS.get(error.status, _message(error))
        lasting = error.status < 500
        return HostingError(f"{where}: {error.status} {reason}", lasting=lasting)


REASONS = {
    401: "the token is not accepted",
    404: "not found, or the token may not see it",
    406: "the diff is too large for GitHub to show (300 files, 20,000 lines or 1 MB)",
}


def _message(error: GithubException) -> str:
    data = error.data
    message = data.get("message") if isinstance(data, dict) else None
    return " ".join(str(message or "refused").split())[:200]


def _payload(comment: LineComment) -> ReviewComment:
    payload = ReviewComment(
        path=comment.path, body=fit(comment.body), line=comment.line, side=comment.side
    )
    if comment.start_line is not None and comment.start_line < comment.line:
        payload["start_line"] = comment.start_line
        payload["start_side"] = comment.side
    return payload
