"""GitHub through PyGithub, with our own retry policy.

PyGithub's default sends one comment up to eleven times and sleeps through rate limits. Here the
transport never retries; reads are repeated (`bot.hosts.github_calls`); a POST is sent once, and
after a failure that tells nothing our marker is searched for before anybody sends it again.
"""

import logging
import time
from collections.abc import Callable, Sequence
from urllib.parse import quote

import msgspec
import requests
from github import Auth, Github, GithubException
from github.IssueComment import IssueComment
from github.PullRequest import PullRequest, ReviewComment
from github.PullRequestComment import PullRequestComment
from github.PullRequestReview import PullRequestReview
from github.Repository import Repository

from bot.hosts import LineComment, PullHead
from bot.hosts.git_change import diff_from_git
from bot.hosts.github_calls import FAULTS, GitHubCalls
from bot.hosts.github_threads import read_threads, resolve_thread
from bot.hosts.limits import fit, fold
from bot.hosts.marked import Said, ThreadState, read_posted, settled_body
from mining.acknowledgement import answer_of
from mining.clients import PUBLIC_API
from postil.errors import HostingError, PayloadError
from postil.marker import markers_of, read_marker
from postil.records import PostedComment, SaidIn

log = logging.getLogger(__name__)

DIFF = "application/vnd.github.diff"
RAW = "application/vnd.github.raw+json"
NEWCOMERS = frozenset({"FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "NONE"})
"""As GitHub says of an author nothing of whom was merged yet."""


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
        self._token = token
        self._key = key
        self._account = account
        self._calls = GitHubCalls(repo, longest_wait_s, sleep, now)
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
        return self._calls.read(number, "read the pull request", lambda: self._head(number))

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
            newcomer=pull.raw_data.get("author_association") in NEWCOMERS,
            state="open" if pull.state == "open" else "closed",
            labels=tuple(label.name for label in pull.labels or ()),
            author_is_bot=bool(pull.user and pull.user.type == "Bot"),
            created_at=pull.created_at,
        )

    def read_diff(self, number: int) -> str:
        """The whole diff, base to head; from git where GitHub finds it too large to show."""
        try:
            return self._calls.read(number, "read the diff", lambda: self._diff(number))
        except HostingError as error:
            cause = error.__cause__
            if not (isinstance(cause, GithubException) and cause.status == 406):
                raise
        log.info("the diff is taken from git repo=%s pull=%d", self.repo, number)
        return self._calls.read(number, "compare base and head", lambda: self._diff_by_git(number))

    def _diff(self, number: int) -> str:
        requester = self._github.requester
        status, headers, text = requester.requestJson(
            "GET", f"/repos/{self.repo}/pulls/{number}", headers={"Accept": DIFF}
        )
        if status >= 400:
            raise GithubException(status, {"message": text[:200]}, headers)
        return text

    def _diff_by_git(self, number: int) -> str:
        pull = self._pull(number)
        compared = self._repo.compare(pull.base.sha, pull.head.sha)
        base = compared.merge_base_commit.sha
        return diff_from_git(pull.base.repo.clone_url, self._token, base, pull.head.sha)

    def read_file(self, path: str, sha: str) -> str | None:
        """A file by the contents API, as it is."""
        try:
            return self._calls.read(0, f"read {path}", lambda: self._file(path, sha))
        except HostingError as error:
            cause = error.__cause__
            if isinstance(cause, GithubException) and cause.status == 404:
                return None
            raise

    def _file(self, path: str, sha: str) -> str:
        status, headers, text = self._github.requester.requestJson(
            "GET",
            f"/repos/{self.repo}/contents/{quote(path)}",
            parameters={"ref": sha},
            headers={"Accept": RAW},
        )
        if status >= 400:
            raise GithubException(status, {"message": text[:200]}, headers)
        return text

    def our_comments(self, number: int) -> list[PostedComment]:
        """Our line comments, reviews and summary, by our account and with a marker of our key."""
        account = self.account()
        said = self._calls.read(number, "read the comments", lambda: self._texts(number))
        ours = [one for one in said if one.author.lower() == account.lower()]
        threads = {}
        if any(one.said_in == "comment" for one in ours):
            threads = self._threads(number)
        refused = {one.answers for one in said if one not in ours and _refuses(one)}
        posted = []
        for one in ours:
            state = threads.get(one.comment_id, ThreadState())
            if one.comment_id in refused:
                state = msgspec.structs.replace(state, dismissed=True)
            posted += read_posted(one, state, self._key, account.removesuffix("[bot]"))
        return posted

    def _texts(self, number: int) -> list[Said]:
        """Every review, line comment and other comment."""
        pull, issue = self._pull(number), self._repo.get_issue(number)
        found = [_said("comment", one) for one in pull.get_review_comments()]
        found += [_said("review", one) for one in pull.get_reviews()]
        return found + [_said("summary", one) for one in issue.get_comments()]

    def _threads(self, number: int) -> dict[int, ThreadState]:
        """What people did with line comments; nothing is known where the token may not ask."""
        requester = self._github.requester
        try:
            return self._calls.read(
                number, "read the threads", lambda: read_threads(requester, self.repo, number)
            )
        except HostingError as error:
            if not error.lasting:
                raise
            log.warning("threads are not known repo=%s pull=%d: %s", self.repo, number, error)
            return {}

    def account(self) -> str:
        """Our own login; asked of the host once."""
        if not self._account:
            user = self._github.get_user()
            what = "read our own account (an App has none to read: set [server] account)"
            self._account = self._calls.read(0, what, lambda: user.login)
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
                raise self._calls.fault(number, "post the review", error) from error
        except requests.RequestException as error:
            if not self._is_posted(number, marker.place):
                raise self._calls.fault(number, "post the review", error) from error

    def _post_folded(self, number: int, head_sha: str, body: str, place: str) -> None:
        try:
            self._send(number, head_sha, body, ())
        except FAULTS as error:
            if not self._is_posted(number, place):
                raise self._calls.fault(number, "post the review", error) from error

    def _send(self, number: int, head_sha: str, body: str, comments: Sequence[LineComment]) -> None:
        commit = self._repo.get_commit(head_sha)
        payload = [_payload(comment) for comment in comments]
        self._pull(number).create_review(commit, body, "COMMENT", payload)

    def _is_posted(self, number: int, place: str, said_in: SaidIn = "review") -> bool:
        account = self.account().lower()
        said = self._calls.read(number, "read the comments", lambda: self._texts(number))
        return any(
            marker.place == place
            for one in said
            if one.said_in == said_in and one.author.lower() == account
            for marker in markers_of(one.body, self._key)
        )

    def put_summary(self, number: int, body: str, comment_id: int | None) -> None:
        """Write over the summary that is there, else post it, in one request that is not repeated.

        Raises HostingError where it is not known to have been written.
        """
        try:
            if comment_id is None:
                self._repo.get_issue(number).create_comment(fit(body))
            else:
                self._edit(f"issues/comments/{comment_id}", fit(body))
        except FAULTS as error:
            fault = self._calls.fault(number, "write the summary", error)
            marker = read_marker(body, self._key)
            if comment_id is not None or marker is None or fault.lasting:
                raise fault from error
            if not self._is_posted(number, marker.place, "summary"):
                raise fault from error

    def settle(self, number: int, comment: PostedComment, head_sha: str) -> None:
        """Resolve the thread, else edit our comment to say that its lines are gone."""
        if comment.thread:
            try:
                return resolve_thread(self._github.requester, comment.thread)
            except FAULTS as error:
                fault = self._calls.fault(number, "resolve a thread", error)
                if not fault.lasting:
                    raise fault from error
                log.info("edited, not resolved comment=%d: %s", comment.comment_id, fault)
        where = f"pulls/comments/{comment.comment_id}"
        url = f"/repos/{self.repo}/{where}"
        requester = self._github.requester
        _, there = self._calls.read(
            number, "read our comment", lambda: requester.requestJsonAndCheck("GET", url)
        )
        try:
            self._edit(where, settled_body(there["body"], head_sha, self._key))
        except FAULTS as error:
            raise self._calls.fault(number, "edit our comment", error) from error

    def _edit(self, where: str, body: str) -> None:
        self._github.requester.requestJsonAndCheck(
            "PATCH", f"/repos/{self.repo}/{where}", input={"body": body}
        )

    @property
    def _repo(self) -> Repository:
        return self._github.get_repo(self.repo)

    def _pull(self, number: int) -> PullRequest:
        return self._repo.get_pull(number)


def _said(said_in: SaidIn, found: PullRequestComment | PullRequestReview | IssueComment) -> Said:
    """As the poster reads it; "" for the author of a deleted account."""
    user = found.user
    return Said(
        said_in=said_in,
        author=user.login if user else "",
        comment_id=found.id,
        url=found.html_url,
        body=found.body or "",
        answers=found.in_reply_to_id if isinstance(found, PullRequestComment) else None,
        by_bot=bool(user and user.login.endswith("[bot]")),
    )


def _refuses(said: Said) -> bool:
    """Whether a person's reply says no to what it answers."""
    return said.answers is not None and not said.by_bot and answer_of(said.body) is False


def _payload(comment: LineComment) -> ReviewComment:
    payload = ReviewComment(
        path=comment.path, body=fit(comment.body), line=comment.line, side=comment.side
    )
    if comment.start_line is not None and comment.start_line < comment.line:
        payload["start_line"] = comment.start_line
        payload["start_side"] = comment.side
    return payload
