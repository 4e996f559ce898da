"""Forgejo and Gitea through their REST interface.

Reads are repeated with short waits, writes are sent once. A line comment has one line here, and
no thread can be resolved over the interface, so what is settled is edited to say so.
https://forgejo.org/docs/latest/user/api-usage/
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests

from bot.hosts import LineComment, PullHead
from bot.hosts.forgejo_calls import FAULTS, ForgejoCalls
from bot.hosts.git_change import diff_from_git
from bot.hosts.limits import fit
from bot.hosts.marked import Said, ThreadState, read_posted, settled_body
from mining.acknowledgement import answer_of
from postil.errors import HostingError, PayloadError
from postil.marker import markers_of, read_marker
from postil.records import PostedComment, SaidIn

log = logging.getLogger(__name__)

Json = dict[str, Any]


class ForgejoPulls:
    """The pull requests of one repository on the server at `url`.

    `key` signs our markers; `account` is our own login, asked of the host where it is "".
    """

    def __init__(
        self,
        repo: str,
        token: str,
        key: bytes,
        *,
        url: str,
        account: str = "",
        timeout_s: int = 20,
        longest_wait_s: float = 10.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.repo = repo
        self._url = url.rstrip("/")
        self._token = token
        self._key = key
        self._account = account
        api = f"{self._url}/api/v1"
        self._calls = ForgejoCalls(api, repo, token, timeout_s, longest_wait_s, sleep)
        self._here = f"/repos/{quote(repo)}"

    def __repr__(self) -> str:
        return f"ForgejoPulls({self.repo!r})"

    def close(self) -> None:
        """Close the connection."""
        self._calls.close()

    def account(self) -> str:
        """Our own login; asked of the host once."""
        if not self._account:
            found = self._calls.read("/user", 0, "read our own account (the token needs read:user)")
            self._account = found.json()["login"]
        return self._account

    def read_pull(self, number: int) -> PullHead:
        """The pull request as it stands now."""
        pull = self._pull(number)
        return PullHead(
            repo=self.repo,
            number=number,
            head_sha=self._shown_head(number) or pull["head"]["sha"],
            base_sha=pull["base"]["sha"],
            title=pull["title"],
            author=pull["user"]["login"] if pull.get("user") else "",
            draft=bool(pull.get("draft")),
            state="open" if pull["state"] == "open" else "closed",
            created_at=datetime.fromisoformat(pull["created_at"]),
        )

    def _shown_head(self, number: int) -> str:
        """The head that the diff is of: it follows the branch a moment after a push."""
        path = f"{self._here}/git/refs/pull/{number}/head"
        found = self._calls.read(path, number, "read the head").json()
        refs = found if isinstance(found, list) else [found]
        name = f"refs/pull/{number}/head"
        return next((str(one["object"]["sha"]) for one in refs if one["ref"] == name), "")

    def read_diff(self, number: int) -> str:
        """The whole diff, from where base and head parted; from git where the host has none."""
        try:
            path = f"{self._here}/pulls/{number}.diff"
            return self._calls.read(path, number, "read the diff").content.decode(
                "utf-8", "replace"
            )
        except HostingError as error:
            cause = error.__cause__
            too_large = isinstance(cause, requests.HTTPError) and (
                cause.response.status_code in TOO_LARGE
            )
            if not too_large:
                raise
        pull = self._pull(number)
        url = pull["base"]["repo"]["clone_url"]
        return diff_from_git(url, self._token, pull["merge_base"], pull["head"]["sha"])

    def read_file(self, path: str, sha: str) -> str | None:
        """A file as it is at a commit."""
        where = f"{self._here}/raw/{quote(path)}?ref={quote(sha, safe='')}"
        try:
            return self._calls.read(where, 0, f"read {path}").text
        except HostingError as error:
            cause = error.__cause__
            if isinstance(cause, requests.HTTPError) and cause.response.status_code == 404:
                return None
            raise

    def our_comments(self, number: int) -> list[PostedComment]:
        """Our line comments, reviews and summary, by our account and with a marker of our key."""
        account = self.account()
        posted: list[PostedComment] = []
        lines = self._line_comments(number)
        for comment in lines:
            said = _said("comment", comment)
            if said.author.lower() == account.lower():
                posted += read_posted(said, self._state(comment, lines), self._key, account)
        for said in self._other_texts(number):
            if said.author.lower() == account.lower():
                posted += read_posted(said, ThreadState(), self._key, account)
        return posted

    def _line_comments(self, number: int) -> list[Json]:
        where = f"{self._here}/pulls/{number}/reviews"
        reviews = [one for one in self._listed(where, number) if one.get("comments_count")]
        return [
            comment
            for review in reviews
            for comment in self._calls.read(
                f"{where}/{review['id']}/comments", number, "read the comments"
            ).json()
            or ()
        ]

    def _other_texts(self, number: int) -> Iterator[Said]:
        for said_in, where in (
            ("review", f"{self._here}/pulls/{number}/reviews"),
            ("summary", f"{self._here}/issues/{number}/comments"),
        ):
            for one in self._listed(where, number):
                yield _said("review" if said_in == "review" else "summary", one)

    def _state(self, comment: Json, lines: Sequence[Json]) -> ThreadState:
        """What people did with a line comment: who resolved it, and whether anybody refused it."""
        resolver = comment.get("resolver")
        refused = any(
            _place(other) == _place(comment)
            and other["id"] > comment["id"]
            and _login(other) != _login(comment)
            and answer_of(other["body"]) is False
            for other in lines
        )
        return ThreadState(
            open=not resolver,
            resolved_by=resolver["login"] if resolver else "",
            dismissed=refused or self._is_disliked(comment["id"]),
        )

    def _is_disliked(self, comment_id: int) -> bool:
        path = f"{self._here}/issues/comments/{comment_id}/reactions"
        found = self._calls.read(path, 0, "read reactions").json() or ()
        return any(one["content"] == "-1" for one in found)

    def post_review(
        self, number: int, head_sha: str, body: str, comments: Sequence[LineComment]
    ) -> None:
        """Post one review in one call, unless its marker stands there already.

        Raises HostingError where it is not known to have been posted.
        """
        marker = read_marker(body, self._key)
        if marker is None:
            raise PayloadError(f"{self.repo}#{number}: a review without our marker is never posted")
        if self._is_posted(number, marker.place, "review"):
            log.info("review is there already repo=%s pull=%d", self.repo, number)
            return
        review = {
            "body": fit(body),
            "event": "COMMENT",
            "commit_id": head_sha,
            "comments": [_payload(comment) for comment in comments],
        }
        path = f"{self._here}/pulls/{number}/reviews"
        self._post(path, review, number, "post the review", marker.place, "review")

    def put_summary(self, number: int, body: str, comment_id: int | None) -> None:
        """Write over the summary that is there, else post it."""
        if comment_id is not None:
            return self._edit(comment_id, fit(body), number, "write the summary")
        marker = read_marker(body, self._key)
        path = f"{self._here}/issues/{number}/comments"
        place = marker.place if marker else ""
        self._post(path, {"body": fit(body)}, number, "write the summary", place, "summary")

    def settle(self, number: int, comment: PostedComment, head_sha: str) -> None:
        """Edit our comment to say that its lines are gone."""
        said = {one["id"]: one["body"] for one in self._line_comments(number)}
        if comment.comment_id in said:  # the interface tells of line comments by review only
            body = settled_body(said[comment.comment_id], head_sha, self._key)
            self._edit(comment.comment_id, body, number, "edit our comment")

    def _edit(self, comment_id: int, body: str, number: int, what: str) -> None:
        path = f"{self._here}/issues/comments/{comment_id}"
        try:
            done = self._calls.send("PATCH", path, {"body": body})
        except FAULTS as error:
            raise self._calls.fault(number, what, error) from error
        if done.status_code == NO_CONTENT:
            where = f"{self.repo}#{number}: cannot {what}"
            raise HostingError(f"{where}: this server edits no such comments", lasting=True)

    def _post(
        self, path: str, payload: Json, number: int, what: str, place: str, said_in: SaidIn
    ) -> None:
        """One POST; where its answer tells nothing, our marker is looked for."""
        try:
            self._calls.send("POST", path, payload)
        except FAULTS as error:
            fault = self._calls.fault(number, what, error)
            if fault.lasting or not self._is_posted(number, place, said_in):
                raise fault from error

    def _is_posted(self, number: int, place: str, said_in: SaidIn) -> bool:
        account = self.account().lower()
        return any(
            marker.place == place
            for said in self._other_texts(number)
            if said.said_in == said_in and said.author.lower() == account
            for marker in markers_of(said.body, self._key)
        )

    def _pull(self, number: int) -> Json:
        path = f"{self._here}/pulls/{number}"
        pull: Json = self._calls.read(path, number, "read the pull request").json()
        return pull

    def _listed(self, path: str, number: int) -> Iterator[Json]:
        return self._calls.listed(path, number, "read the comments")


NO_CONTENT = 204
"""What an edit that changed nothing ends in."""
TOO_LARGE = (406, 413, 500)
"""What a diff over the server's limits or time ends in."""


def _login(one: Json) -> str:
    return str(one["user"]["login"]) if one.get("user") else ""


def _place(comment: Json) -> tuple[object, ...]:
    """Comments of one conversation share the line they were made on."""
    names = ("path", "original_position", "position", "original_commit_id")
    return tuple(comment.get(name) for name in names)


def _said(said_in: SaidIn, one: Json) -> Said:
    return Said(
        said_in=said_in,
        author=_login(one),
        comment_id=one["id"],
        url=one.get("html_url", ""),
        body=one.get("body") or "",
    )


def _payload(comment: LineComment) -> Json:
    side = "new_position" if comment.side == "RIGHT" else "old_position"
    return {"path": comment.path, "body": fit(comment.body), side: comment.line}
