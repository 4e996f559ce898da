"""The pull requests of a repository on Forgejo or Gitea, over its REST interface.

There is no GraphQL and no list of review comments of a whole repository: each pull request takes
three requests and one more a review with comments. What did not move since the last run is not
asked for again. https://forgejo.org/docs/latest/user/api-usage/
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests

from mining.clients import FIRST_WAIT_S, LONGEST_WAIT_S, READ_RETRIES, Access, wait_s
from mining.repository import checked_clone
from mining.reviewed_commits import bring_pulls
from mining.sources import Brought, RawPayload
from mining.sources.forgejo_objects import read
from postil.errors import SourceError, UsageError

__all__ = ["Forgejo", "read"]

log = logging.getLogger(__name__)

PAGE = 50
"""Forgejo gives no more, whatever is asked for."""
TIMEOUT_S = 30

Json = dict[str, Any]

MEND = {
    401: "the token is not accepted: set a valid one in FORGEJO_TOKEN",
    403: "the token may not read this: it needs read:repository and read:issue",
    404: "there is no such repository, or it needs a token in FORGEJO_TOKEN",
}


class Forgejo:
    """`where` is the address of a repository; `clone` holds its commits."""

    kind = "forgejo"

    def __init__(
        self,
        where: str,
        clone: Path | None,
        repo: str | None,
        access: Access,
        notice: Callable[[str], None] = log.info,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(where)
        *above, owner, name = ["", "", *parts.path.strip("/").removesuffix(".git").split("/")]
        if parts.scheme not in ("http", "https") or not owner or not name:
            raise UsageError(f"{where}: write the address of a repository, https://HOST/OWNER/NAME")
        self.repo = repo or f"{owner}/{name}"
        self.clone = checked_clone(clone)
        port = f":{parts.port}" if parts.port else ""
        root = "/".join(filter(None, [f"{parts.scheme}://{parts.hostname}{port}", *above]))
        self._api = f"{root}/api/v1/repos/{owner}/{name}"
        self._git_url, self._token = f"{root}/{owner}/{name}.git", access.forgejo_token
        self._session = requests.Session()
        if access.forgejo_token:
            self._session.headers["Authorization"] = f"token {access.forgejo_token}"
        self._notice, self._sleep = notice, sleep
        self._after: datetime | None = None
        self._may_push: dict[str, bool | None] = {}

    def resume(self, mark: str) -> None:
        """Begin with what moved at this time."""
        self._after = datetime.fromisoformat(mark)

    def fetch(self, since: datetime | None, until: datetime | None) -> Iterator[RawPayload]:
        """One payload a pull request, in the order in which they last moved."""
        whole = since is None and until is None
        with self._session:
            for updated, moved, pull in self._moved(self._after if whole else since):
                if until and moved > until:
                    continue
                body = msgspec.json.encode(self._one(pull), order="deterministic")
                mark = updated.isoformat() if whole else None
                yield RawPayload(str(pull["number"]), moved, body, mark)

    def fetch_pull(self, number: int) -> RawPayload | None:
        """One pull request, with the reactions to its line comments; None where it is gone."""
        if self._send(f"/pulls/{number}").status_code == 404:
            self._get("")
            return None
        pull = self._get(f"/pulls/{number}")
        told = self._one(pull)
        told["reactions"] = {
            str(one["id"]): self._get(f"/issues/comments/{one['id']}/reactions") or []
            for one in told["comments"]
        }
        return RawPayload(str(number), None, msgspec.json.encode(told))

    def fetch_commits(self, ids: Sequence[str], gone: Callable[[str], None]) -> Brought:
        """Bring the heads of all pull requests into the clone, and these commits."""
        return bring_pulls(self.clone, self._git_url, self._token, ids, gone)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _moved(self, since: datetime | None) -> list[tuple[datetime, datetime, Json]]:
        """The pull requests that moved at this time or later, the earliest first."""
        found = []
        for pull in self._listed("/pulls?state=all&sort=recentupdate"):
            updated = _time(pull["updated_at"])
            if since and updated < since:
                break
            closed = pull.get("merged_at") or pull.get("closed_at")
            found.append((updated, _time(closed) if closed else updated, pull))
        return sorted(found, key=lambda one: (one[0], one[2]["number"]))

    def _one(self, pull: Json) -> Json:
        """A pull request with all that hangs on it, as it came."""
        number = pull["number"]
        reviews = list(self._listed(f"/pulls/{number}/reviews"))
        comments = [
            comment
            for review in reviews
            if review.get("comments_count")
            for comment in self._get(f"/pulls/{number}/reviews/{review['id']}/comments")
        ]
        people = {r["user"]["login"] for r in reviews if r.get("user")}
        return {
            "type": "forgejo",
            "repo": self.repo,
            "pull": pull,
            "reviews": reviews,
            "comments": comments,
            "timeline": list(self._listed(f"/issues/{number}/timeline")),
            "may_push": {login: self._rights(login) for login in sorted(people)},
        }

    def _rights(self, login: str) -> bool | None:
        """Whether somebody may push; None where the token may not ask. Asked once a run."""
        if login not in self._may_push:
            answer = self._send(f"/collaborators/{login}/permission")
            known = answer.json().get("permission") if answer.ok else None
            self._may_push[login] = known in ("write", "admin", "owner") if known else None
        return self._may_push[login]

    def _listed(self, path: str) -> Iterator[Json]:
        """The members of a list that comes in pages."""
        page, joint = 1, "&" if "?" in path else "?"
        while True:
            some = self._get(f"{path}{joint}limit={PAGE}&page={page}")
            yield from some or ()
            if not some or len(some) < PAGE:
                return
            page += 1

    def _get(self, path: str) -> Any:
        answer = self._send(path)
        if answer.ok:
            return answer.json()
        said = MEND.get(answer.status_code, "refused")
        raise SourceError(f"{self.repo}: {answer.status_code}: {said}")

    def _send(self, path: str) -> requests.Response:
        """One read, again after limits, faults and lost connections."""
        pause_s, left = FIRST_WAIT_S, READ_RETRIES
        while True:
            try:
                answer = self._session.get(f"{self._api}{path}", timeout=TIMEOUT_S)
                why = f"answered {answer.status_code}"
                limit_s = wait_s(
                    answer.status_code, _small(answer.headers), answer.text, time.time()
                )
                if answer.status_code < 500 and limit_s is None:
                    return answer
            except requests.RequestException as error:
                why, limit_s = type(error).__name__, None
            if not left:
                raise SourceError(f"{self.repo}: the server cannot be asked: {why}; try later")
            left -= limit_s is None
            seconds = limit_s or pause_s
            self._notice(f"the server {why}; waiting {seconds:.0f} s")
            self._sleep(seconds)
            pause_s = min(pause_s * 2, LONGEST_WAIT_S)


def _small(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
