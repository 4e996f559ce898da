"""Review threads as our fake GitHub's GraphQL tells them: what the poster asks, and no more.

Questions are checked against GitHub's own schema where npm brings it (`tests.graphql_fake`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.github_fake import FakePull

ACCOUNT = "postil-bot"
Payload = dict[str, Any]


def answer_threads(
    pulls: Mapping[tuple[str, int], "FakePull"], query: str, variables: Payload
) -> Payload:
    """What GitHub would answer to a question for threads, or to resolving one."""
    if "resolveReviewThread" in query:
        return _resolve(pulls, int(variables["thread"].removeprefix("PRRT_")))
    pull = pulls[f"{variables['owner']}/{variables['name']}", variables["number"]]
    roots = [one for one in pull.comments if not one.get("in_reply_to_id")]
    nodes = [_thread(pull, root) for root in roots]
    page = {"hasNextPage": False, "endCursor": None}
    threads = {"pageInfo": page, "nodes": nodes}
    return {"data": {"repository": {"pullRequest": {"reviewThreads": threads}}}}


def _resolve(pulls: Mapping[tuple[str, int], "FakePull"], root: int) -> Payload:
    pull = next(p for p in pulls.values() if root in {one["id"] for one in p.comments})
    if not pull.may_resolve:
        return {"errors": [{"message": "Resource not accessible by integration"}]}
    pull.resolved[root] = ACCOUNT
    return {"data": {"resolveReviewThread": {"thread": {"isResolved": True}}}}


def _thread(pull: "FakePull", root: Payload) -> Payload:
    by = pull.resolved.get(root["id"])
    first = {
        "databaseId": root["id"],
        "isMinimized": False,
        "reactions": {"totalCount": int(root["id"] in pull.refused)},
    }
    return {
        "id": f"PRRT_{root['id']}",
        "isResolved": by is not None,
        "viewerCanResolve": by is None,
        "resolvedBy": {"login": by} if by else None,
        "comments": {"nodes": [first]},
    }
