"""What is asked of GitHub's GraphQL interface, and how an answer's open ends are followed. Pure.

One page holds many pull requests with all that hangs on them; what a page cut off is asked for
afterwards, many open ends in one request. Checked in tests against GitHub's published schema,
https://docs.github.com/graphql/overview/public-schema
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

Json = dict[str, Any]

PAGE = 50
"""Pull requests a page: about 74,000 nodes at most, of the 500,000 that GitHub allows."""
TAILS = 20
"""Open ends a request."""

INFO = "pageInfo { hasNextPage endCursor }"
WHO = "author { __typename login }"

REACTION = "{ content createdAt user { login } }"
COMMENT = f"{{ fullDatabaseId {WHO} authorAssociation body createdAt originalCommit {{ oid }} }}"
OPENING = f"""{{
  id url path diffHunk subjectType originalLine originalStartLine commit {{ oid }}
  pullRequestReview {{ authorCanPushToRepository }}
  isMinimized reactions(first: 5) {{ {INFO} nodes {REACTION} }}
}}"""
"""What is wanted of the first comment of a thread alone. Every reply would repeat the hunk, which
is half of all bytes, and asking for the reactions to each makes GitHub charge over three times.
"""
FORCED = "HEAD_REF_FORCE_PUSHED_EVENT"


class Tail(NamedTuple):
    """One connection that a page cut off: the type it hangs on, its field and how to ask."""

    holder: str
    field: str
    arguments: str
    nodes: str

    def ask(self, first: int, after: str = "") -> str:
        """The field with its nodes, from a place on."""
        more = f", after: {after}" if after else ""
        fields = f"{{ {INFO} nodes {self.nodes} }}"
        return f"{self.field}(first: {first}{more}{self.arguments}) {fields}"


COMMENTS = Tail("PullRequestReviewThread", "comments", "", COMMENT)
THREAD = f"""{{
  id isResolved isOutdated resolvedBy {{ login }} path diffSide startDiffSide subjectType
  opening: comments(first: 1) {{ nodes {OPENING} }}
  {COMMENTS.ask(20)}
}}"""
THREADS = Tail("PullRequest", "reviewThreads", "", THREAD)
REVIEWS = Tail(
    "PullRequest",
    "reviews",
    "",
    f"{{ {WHO} authorAssociation authorCanPushToRepository state submittedAt body url "
    "commit { oid } }",
)
COMMITS = Tail("PullRequest", "commits", "", "{ commit { oid committedDate } }")
TALK = Tail("PullRequest", "comments", "", f"{{ {WHO} authorAssociation body createdAt }}")
PUSHES = Tail(
    "PullRequest",
    "timelineItems",
    f", itemTypes: [{FORCED}]",
    "{ ... on HeadRefForcePushedEvent { createdAt actor { login } "
    "beforeCommit { oid } afterCommit { oid } } }",
)
REACTIONS = Tail("PullRequestReviewComment", "reactions", "", REACTION)
OF_PULL = (THREADS, REVIEWS, COMMITS, TALK, PUSHES)

PULL = f"""{{
  id number title state url {WHO} mergedBy {{ __typename login }}
  createdAt updatedAt closedAt mergedAt headRefOid baseRefOid
  {THREADS.ask(40)}
  {REVIEWS.ask(100)}
  {COMMITS.ask(100)}
  {TALK.ask(100)}
  {PUSHES.ask(100)}
}}"""
PULLS = f"""query Pulls(
  $owner: String!, $name: String!, $first: Int!, $after: String, $direction: OrderDirection!
) {{
  repository(owner: $owner, name: $name) {{
    nameWithOwner
    licenseInfo {{ spdxId }}
    pullRequests(
      first: $first, after: $after, orderBy: {{field: UPDATED_AT, direction: $direction}}
    ) {{
      totalCount {INFO}
      nodes {PULL}
    }}
  }}
  rateLimit {{ cost remaining resetAt }}
}}"""
ONE_PULL = f"""query OnePull($owner: String!, $name: String!, $number: Int!) {{
  repository(owner: $owner, name: $name) {{
    nameWithOwner
    licenseInfo {{ spdxId }}
    pullRequest(number: $number) {PULL}
  }}
  rateLimit {{ cost remaining resetAt }}
}}"""


class OpenEnd(NamedTuple):
    """A connection of an answer that goes on behind `after`."""

    tail: Tail
    holder: Json

    @property
    def connection(self) -> Json:
        """The part of the answer that what follows is added to."""
        found: Json = self.holder[self.tail.field]
        return found


def open_ends(pull: Json) -> Iterator[OpenEnd]:
    """Every connection of a pull request that a page cut off, among those that were read."""
    for tail in OF_PULL:
        yield from _open(tail, pull)
    for thread in _read(pull.get(THREADS.field)):
        yield from _open(COMMENTS, thread)
        for comment in _read(thread["opening"]):
            yield from _open(REACTIONS, comment)


def _read(connection: Json | None) -> Iterator[Json]:
    return (one for one in (connection or {}).get("nodes", ()) if isinstance(one, dict))


def _open(tail: Tail, holder: Json) -> Iterator[OpenEnd]:
    if tail.field in holder and holder[tail.field]["pageInfo"]["hasNextPage"]:
        yield OpenEnd(tail, holder)


def follow(ends: Sequence[OpenEnd]) -> tuple[str, Json]:
    """One query, with its variables, that asks for the next piece of up to TAILS open ends."""
    head, asked = [], []
    variables: Json = {}
    for number, end in enumerate(ends[:TAILS]):
        head.append(f"$id{number}: ID!, $after{number}: String")
        asked.append(
            f"n{number}: node(id: $id{number}) {{ ... on {end.tail.holder} "
            f"{{ {end.tail.ask(100 if end.tail.nodes != THREAD else 40, f'$after{number}')} }} }}"
        )
        variables[f"id{number}"] = end.holder["id"]
        variables[f"after{number}"] = end.connection["pageInfo"]["endCursor"]
    return f"query Tails({', '.join(head)}) {{\n" + "\n".join(asked) + "\n}", variables


def join(ends: Sequence[OpenEnd], data: Json) -> None:
    """Add what `follow` brought to the answers it belongs to."""
    for number, end in enumerate(ends[:TAILS]):
        piece = (data.get(f"n{number}") or {}).get(end.tail.field)
        if piece is None:  # deleted while we were reading
            end.connection["pageInfo"] = {"hasNextPage": False, "endCursor": None}
            continue
        end.connection["nodes"] += piece["nodes"]
        end.connection["pageInfo"] = piece["pageInfo"]
