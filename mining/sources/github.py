"""The pull requests of a repository on GitHub, over its API; GitHub Enterprise by address.

GraphQL brings many pull requests with all that hangs on them in one request. They come in the
order in which they last moved, and the place after each page is a mark: a run that was cut off,
and every later run, goes on behind it, so what did not change costs nothing. Where a server has
no GraphQL, REST objects are fetched one pull request at a time, in the shape of an archive.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mining.clients import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    READ_RETRIES,
    Access,
    Answer,
    GitHubReader,
    Json,
    ServerFaultError,
    api_url_of,
    connect,
    site_of,
)
from mining.repository import checked_clone
from mining.reviewed_commits import bring_pulls
from mining.sources import Brought, RawPayload
from mining.sources.archive import read as read_rest
from mining.sources.github_graph import read_graph
from mining.sources.github_page import (
    Found,
    FoundOne,
    Node,
    Pulls,
    cut_off,
    number_of,
    put_back,
    time_of,
)
from mining.sources.github_query import ONE_PULL, PAGE, PULLS, TAILS, follow, join, open_ends
from mining.sources.github_rest import NEXT, fetch_rest, fetch_rest_pull
from postil.errors import SourceError, UsageError
from postil.records import Change

__all__ = ["GitHub", "read"]

log = logging.getLogger(__name__)

T = TypeVar("T")

NO_REPOSITORY = "there is no such repository, or the token may not see it"


class GitHub:
    """`where` is owner/name, or the address of a repository on GitHub Enterprise.

    `clone` holds the repository's commits.
    """

    kind = "github"

    def __init__(
        self,
        where: str,
        clone: Path | None,
        repo: str | None,
        access: Access,
        notice: Callable[[str], None] = log.info,
        *,
        reader: GitHubReader | None = None,
    ) -> None:
        api_url, self.repo = api_url_of(where)
        if self.repo.count("/") != 1 or self.repo.endswith("/"):
            raise UsageError(f"{where}: write OWNER/NAME, or the address of a repository")
        if repo and repo.lower() != self.repo.lower():
            raise UsageError(f"--repo {repo} is not what the source names: {self.repo}")
        self.clone = checked_clone(clone)
        self._git_url = f"{site_of(api_url)}/{self.repo}.git"
        self.reader = reader or GitHubReader(connect(access, api_url, self.repo), notice=notice)
        self._notice = notice
        self._after: str | None = None
        self._licence: str | None = None

    def resume(self, mark: str) -> None:
        """Begin behind a mark of an earlier run."""
        self._after = mark

    def fetch(self, since: datetime | None, until: datetime | None) -> Iterator[RawPayload]:
        """One payload a pull request; marks only where everything is asked for."""
        whole = since is None and until is None
        after = self._after if whole else None
        try:
            if after is not None and after.startswith(NEXT):
                yield from fetch_rest(self.reader, self.repo, after)
            else:
                yield from self._over_graphql(after, since, until)
        except NoGraphQLError:
            self._notice("this server has no GraphQL: using REST, which takes more requests")
            for payload in fetch_rest(self.reader, self.repo, None, since, until):
                yield payload if whole else payload._replace(mark=None)
        finally:
            self.reader.close()

    def fetch_pull(self, number: int) -> RawPayload | None:
        """One pull request with all that hangs on it; None where there is none any more."""
        owner, _, name = self.repo.partition("/")
        try:
            asked: Json = {"owner": owner, "name": name, "number": number}
            found = self._ask(ONE_PULL, asked, Answer[FoundOne]).repository
            node = found.pull_request if found else None
            if found is None:
                raise SourceError(f"{self.repo}: {NO_REPOSITORY}")
            if node is None:
                return None
            self._complete([node])
        except NoGraphQLError:
            return fetch_rest_pull(self.reader, self.repo, number)
        except ServerFaultError as fault:
            raise SourceError(f"GitHub fails to answer: {fault}") from fault
        told = found.license_info
        about = {"repository": found.name_with_owner, "licence": told.spdx_id if told else None}
        body = msgspec.json.encode({**about, "graphql": node})
        return RawPayload(str(number), time_of(node, "closedAt"), body)

    def fetch_commits(self, ids: Sequence[str], gone: Callable[[str], None]) -> Brought:
        """Bring the heads of all pull requests into the clone, and these commits."""
        return bring_pulls(self.clone, self._git_url, self.reader.token, ids, gone)

    def close(self) -> None:
        """Close the connection."""
        self.reader.close()

    def _over_graphql(
        self, after: str | None, since: datetime | None, until: datetime | None
    ) -> Iterator[RawPayload]:
        whole = since is None and until is None
        for nodes, mark in self._pages(after, newest_first=since is not None):
            about = {"repository": self.repo, "licence": self._licence}
            for place, node in enumerate(nodes, 1):
                updated = time_of(node, "updatedAt")
                moved = time_of(node, "closedAt") or updated
                if since and updated and updated < since:
                    return
                if until and moved and moved > until:
                    continue
                body = msgspec.json.encode({**about, "graphql": node})
                last = mark if whole and place == len(nodes) else None
                yield RawPayload(str(number_of(node)), moved, body, last)

    def _pages(
        self, after: str | None, newest_first: bool
    ) -> Iterator[tuple[list[Node], str | None]]:
        """Whole pull requests, a page at a time, and the place behind each page."""
        size, faults = PAGE, 0
        while True:
            try:
                found = self._page(after, size, "DESC" if newest_first else "ASC")
                nodes = [node for node in found.nodes if node]
                self._complete(nodes)
            except StaleMarkError:
                self._notice("GitHub does not know the last run's place any more: starting over")
                after = None
                continue
            except ServerFaultError as fault:
                faults += 1
                if size == 1 and faults > READ_RETRIES:
                    raise SourceError(f"{self.repo}: GitHub fails to answer: {fault}") from fault
                size = max(size // 2, 1)
                pause_s = min(FIRST_WAIT_S * 2 ** (faults - 1), LONGEST_WAIT_S)
                self.reader.pause(pause_s, f"GitHub failed ({fault}); asking for {size} at a time")
                continue
            faults = 0
            mark = found.page_info.end_cursor
            if nodes:
                yield nodes, mark
            if not found.page_info.has_next_page:
                return
            after, size = mark, min(size * 2, PAGE)

    def _page(self, after: str | None, size: int, direction: str) -> Pulls:
        owner, _, name = self.repo.partition("/")
        variables: Json = {
            "owner": owner,
            "name": name,
            "first": size,
            "after": after,
            "direction": direction,
        }
        repository = self._ask(PULLS, variables, Answer[Found]).repository
        if repository is None:
            raise SourceError(f"{self.repo}: {NO_REPOSITORY}")
        if repository.name_with_owner.lower() != self.repo.lower():
            new = repository.name_with_owner
            raise SourceError(f"{self.repo} is called {new} now: mine github:{new}")
        told = repository.license_info
        self._licence = told.spdx_id if told else None
        return repository.pull_requests

    def _complete(self, nodes: list[Node]) -> None:
        """Follow every open end of these pull requests, many in one request."""
        cut = [(node, fields) for node in nodes if (fields := cut_off(node))]
        while ends := [end for _, fields in cut for end in open_ends(fields)]:
            for start in range(0, len(ends), TAILS):
                some = ends[start : start + TAILS]
                join(some, self._ask(*follow(some), Answer[dict[str, Any]]))
        for node, fields in cut:
            put_back(node, fields)

    def _ask(self, query: str, variables: Json, kind: type[Answer[T]]) -> T:
        """The data of an answer. ServerFaultError where GitHub gave only a part of it."""
        try:
            answer = self.reader.graphql(query, variables, kind)
        except SourceError as error:
            if ": 404:" in str(error):
                raise NoGraphQLError from error
            raise
        errors = answer.errors or ()
        kinds = {error.get("type") for error in errors}
        if kinds & {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
            raise SourceError(f"{self.repo}: {_said(errors)}")
        if "INVALID_CURSOR_ARGUMENTS" in kinds and variables.get("after"):
            raise StaleMarkError
        if errors and not kinds <= {"NOT_FOUND"}:
            raise ServerFaultError(_said(errors))
        if answer.data is None:
            raise ServerFaultError("an answer without data")
        return answer.data


class NoGraphQLError(Exception):
    """The server has no GraphQL interface."""


class StaleMarkError(Exception):
    """The server does not take a place in its list that it gave earlier."""


def read(body: bytes, dropped: Counter[str] | None = None) -> Change:
    """Read one payload of either interface; what cannot be read in it is counted in `dropped`."""
    dropped = Counter() if dropped is None else dropped
    if body.startswith(b'{"repository":'):
        return read_graph(body, dropped)
    return read_rest(body, dropped)


def _said(errors: Sequence[Json]) -> str:
    return " ".join(str(errors[0].get("message", "an error without words")).split())[:200]
