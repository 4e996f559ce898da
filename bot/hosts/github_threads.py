"""What people did with review comments, which only GitHub's GraphQL tells, and resolving a thread.

A token that may not ask learns nothing from here: the poster then knows of no dismissal, and
edits a comment instead of resolving it.
"""

from collections.abc import Iterator
from typing import Any

from github import GithubException
from github.Requester import Requester

from bot.hosts.marked import ThreadState

THREADS = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 50, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id
          isResolved
          viewerCanResolve
          resolvedBy { login }
          comments(first: 1) {
            nodes {
              databaseId
              isMinimized
              reactions(first: 1, content: THUMBS_DOWN) { totalCount }
            }
          }
        }
      }
    }
  }
}
"""

RESOLVE = """
mutation($thread: ID!) {
  resolveReviewThread(input: {threadId: $thread}) { thread { isResolved } }
}
"""


def read_threads(requester: Requester, repo: str, number: int) -> dict[int, ThreadState]:
    """The state of every thread, by the id of its first comment; GithubException."""
    return {
        first["databaseId"]: _state(thread, first)
        for thread in _pages(requester, repo, number)
        for first in thread["comments"]["nodes"][:1]
    }


def resolve_thread(requester: Requester, thread: str) -> None:
    """Mark a thread as resolved; GithubException where that may not be."""
    _ask(requester, RESOLVE, {"thread": thread})


def _pages(requester: Requester, repo: str, number: int) -> Iterator[dict[str, Any]]:
    owner, _, name = repo.partition("/")
    asked: dict[str, Any] = {"owner": owner, "name": name, "number": number, "after": None}
    while True:
        threads = _ask(requester, THREADS, asked)["repository"]["pullRequest"]["reviewThreads"]
        yield from threads["nodes"]
        if not threads["pageInfo"]["hasNextPage"]:
            return
        asked["after"] = threads["pageInfo"]["endCursor"]


def _state(thread: dict[str, Any], first: dict[str, Any]) -> ThreadState:
    return ThreadState(
        thread=thread["id"] if thread["viewerCanResolve"] else "",
        open=not thread["isResolved"],
        resolved_by=_login(thread["resolvedBy"]),
        dismissed=bool(first["isMinimized"] or first["reactions"]["totalCount"]),
    )


def _login(actor: dict[str, Any] | None) -> str:
    """As REST writes it; GraphQL leaves `[bot]` out, so a caller compares without it."""
    return str(actor["login"]) if actor else ""


def _ask(requester: Requester, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """The data of an answer; an answer without any, or of another shape, is a GithubException."""
    headers, answer = requester.graphql_query(query, variables)
    data = answer.get("data")
    if not isinstance(data, dict) or None in data.values():
        raise GithubException(404, {"message": "GraphQL told nothing"}, headers)
    return data
