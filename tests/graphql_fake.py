"""A fake of GitHub's GraphQL interface, of our own making; not GitHub.

It executes GitHub's published schema with graphql-core over pull requests in the shape of an
archive of raw REST objects, and keeps to what GitHub documents: 1 to 100 members a page, at most
500,000 nodes a question, errors that come as HTTP 200. What REST objects do not tell (resolution,
reactions, who may push) is taken from fields of the same name where a test puts them in.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import graphql
from graphql import FieldNode, InlineFragmentNode, SelectionSetNode

from tests.npm_package import file_of

PACKAGE = "@octokit/graphql-schema@15.26.1"
PACKAGE_SHA512 = (
    "RFDC2MpRBd4AxSRvUeBIVeBU7ojN/SxDfALUd7iVYOSeEK3gZaqR2MGOysj4Zh2xj2RY5fQAUT+Oqq7hWTraMA=="
)
WRITERS = ("OWNER", "MEMBER", "COLLABORATOR")
MOST_NODES = 500_000
MOST_MEMBERS = 100

Json = dict[str, Any]


@lru_cache(maxsize=1)
def official_schema() -> graphql.GraphQLSchema:
    """GitHub's schema; raises UnavailableError where npm cannot bring it."""
    path = file_of(PACKAGE, PACKAGE_SHA512, "package/schema.graphql")
    return graphql.build_schema(path.read_text(encoding="utf-8"), assume_valid=True)


class GraphQL:
    """Answers questions about the pull requests of one repository."""

    def __init__(self, repo: str, records: Mapping[int, Json]) -> None:
        self.repo, self.records = repo, records
        self.schema = official_schema()
        self._kept: dict[int, tuple[str, Json]] = {}

    def answer(self, query: str, variables: Json) -> Json:
        """What GitHub would answer, as far as this fake knows."""
        try:
            document = graphql.parse(query)
        except graphql.GraphQLError as error:
            return {"errors": [{"message": str(error)}]}
        wrong = graphql.validate(self.schema, document)
        if wrong:
            return {"errors": [{"type": "undefinedField", "message": str(e)} for e in wrong]}
        try:
            nodes = count_nodes(document, variables)
        except ValueError as error:
            return {"errors": [{"type": "EXCESSIVE_PAGINATION", "message": str(error)}]}
        if nodes > MOST_NODES:
            return {"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": f"{nodes} nodes"}]}
        done = graphql.execute_sync(
            self.schema, document, root_value=Root(self), variable_values=variables
        )
        answer: Json = {"data": done.data}
        if done.errors:
            answer["errors"] = [
                {"message": e.message, "path": e.path, **(e.extensions or {})} for e in done.errors
            ]
        return answer

    def pull(self, number: int) -> Json:
        """One pull request as the schema sees it; made anew when its record has changed."""
        record = self.records[number]
        stamp = f"{id(record)} {record['pull'].get('updated_at')} {len(record['comments'])}"
        if number not in self._kept or self._kept[number][0] != stamp:
            self._kept[number] = stamp, _pull(record)
        return self._kept[number][1]

    def licence(self) -> Json | None:
        """The repository's licence, as REST objects tell it within a pull request."""
        repos = (record["pull"]["base"].get("repo") or {} for record in self.records.values())
        told = next((repo["license"] for repo in repos if repo.get("license")), None)
        return {"spdxId": told["spdx_id"]} if told else None

    def ordered(self) -> list[tuple[str, Json]]:
        """Every pull request by when it last moved, each with its place in that order."""
        keys = sorted((r["pull"]["updated_at"], n) for n, r in self.records.items())
        return [(f"{moved}|{number:09}", self.pull(number)) for moved, number in keys]

    def node(self, name: str) -> Json | None:
        """Whatever has this id."""
        _, number, *_ = name.split("_")
        if int(number) not in self.records:
            return None
        pull = self.pull(int(number))
        return next((one for one in _nodes(pull) if one["id"] == name), None)


class Root:
    """The schema's Query."""

    def __init__(self, host: GraphQL) -> None:
        self._host = host

    def repository(self, info: Any, owner: str, name: str, **more: Any) -> Json | None:
        if f"{owner}/{name}".lower() != self._host.repo.lower() and f"{owner}/{name}" != "old/name":
            said = f"Could not resolve to a Repository with the name '{owner}/{name}'."
            raise graphql.GraphQLError(said, extensions={"type": "NOT_FOUND"})
        return {
            "nameWithOwner": self._host.repo,
            "licenseInfo": self._host.licence(),
            "pullRequests": self._pulls,
            "pullRequest": self._one,
        }

    def _one(self, info: Any, number: int) -> Json | None:
        if number not in self._host.records:
            said = f"Could not resolve to a PullRequest with the number of {number}."
            raise graphql.GraphQLError(said, extensions={"type": "NOT_FOUND"})
        return self._host.pull(number)

    def _pulls(
        self,
        info: Any,
        first: int,
        orderBy: Json,  # noqa: N803
        after: str | None = None,
        **more: Any,
    ) -> Json:
        every = self._host.ordered()
        if orderBy["direction"] == "DESC":
            every.reverse()
        place = _decode(after) if after else None
        if orderBy["direction"] == "DESC":
            rest = [one for one in every if place is None or one[0] < place]
        else:
            rest = [one for one in every if place is None or one[0] > place]
        page = rest[:first]
        end = _encode(page[-1][0]) if page else None
        return {
            "totalCount": len(every),
            "pageInfo": {"hasNextPage": len(rest) > first, "endCursor": end},
            "nodes": [pull for _, pull in page],
        }

    def node(self, info: Any, id: str) -> Json | None:
        return self._host.node(id)

    def rateLimit(self, info: Any, **more: Any) -> Json:  # noqa: N802
        return {"cost": 1, "remaining": 4999, "resetAt": "2026-01-01T00:00:00Z"}


def _encode(place: str) -> str:
    return base64.b64encode(f"cursor:{place}".encode()).decode()


def _decode(cursor: str) -> str:
    try:
        text = base64.b64decode(cursor, validate=True).decode()
    except ValueError:
        text = ""
    if not text.startswith("cursor:"):
        said = f"`{cursor}` does not appear to be a valid cursor."
        raise graphql.GraphQLError(said, extensions={"type": "INVALID_CURSOR_ARGUMENTS"})
    return text.removeprefix("cursor:")


class Connection:
    """A list of which a question gets pages."""

    def __init__(self, members: Sequence[Json]) -> None:
        self.members = members

    def __call__(
        self,
        info: Any,
        first: int,
        after: str | None = None,
        content: str | None = None,
        **more: Any,
    ) -> Json:
        members = [one for one in self.members if content in (None, one.get("content"))]
        start = int(_decode(after)) if after else 0
        page = members[start : start + first]
        end = start + len(page)
        return {
            "totalCount": len(members),
            "pageInfo": {"hasNextPage": end < len(members), "endCursor": _encode(str(end))},
            "nodes": page,
        }


def _nodes(pull: Json) -> Iterator[Json]:
    yield pull
    for thread in pull["reviewThreads"].members:
        yield thread
        yield from thread["comments"].members


def _actor(user: Json | None) -> Json | None:
    if user is None or user["login"] == "ghost":
        return None  # as GitHub shows deleted accounts
    login = user["login"].removesuffix("[bot]")
    kind = "Bot" if user.get("type") == "Bot" or login != user["login"] else "User"
    return {"__typename": kind, "login": login}


def _pull(record: Json) -> Json:
    pull, number = record["pull"], record["pull"]["number"]
    merged = [e for e in record["events"] if e.get("event") == "merged"]
    return {
        "__typename": "PullRequest",
        "id": f"PR_{number}",
        "number": number,
        "title": pull["title"],
        "state": "MERGED" if pull.get("merged_at") else pull["state"].upper(),
        "url": pull["html_url"],
        "author": _actor(pull.get("user")),
        "mergedBy": _actor(pull.get("merged_by") or (merged[-1].get("actor") if merged else None)),
        "createdAt": pull["created_at"],
        "updatedAt": pull["updated_at"],
        "closedAt": pull.get("closed_at"),
        "mergedAt": pull.get("merged_at"),
        "headRefOid": pull["head"]["sha"],
        "baseRefOid": pull["base"]["sha"],
        "reviewThreads": Connection(_threads(record["comments"], number)),
        "reviews": Connection([*_reviews(record["events"])]),
        "commits": Connection([*_commits(record["events"])]),
        "comments": Connection([*_talk(record["events"])]),
        "timelineItems": Connection([*_pushes(record["events"])]),
    }


def _threads(comments: Sequence[Json], number: int) -> list[Json]:
    known = {one["id"] for one in comments}
    roots: dict[int, list[Json]] = {}
    for one in sorted(comments, key=lambda c: (c["created_at"], c["id"])):
        above = one.get("in_reply_to_id")
        if above is None:
            roots[one["id"]] = [one]
        elif above in roots:
            roots[above].append(one)
        else:
            assert above not in known, "a reply before what it answers"
    return [_thread(members, number) for members in roots.values()]


def _thread(members: Sequence[Json], number: int) -> Json:
    root = members[0]
    kind = (root.get("subject_type") or "line").upper()
    return {
        "__typename": "PullRequestReviewThread",
        "id": f"T_{number}_{root['id']}",
        "isResolved": bool(root.get("resolved")),
        "isOutdated": root.get("position") is None,
        "viewerCanResolve": True,
        "resolvedBy": {"login": root["resolved_by"]} if root.get("resolved_by") else None,
        "path": root["path"],
        "diffSide": root.get("side") or "RIGHT",
        "startDiffSide": root.get("start_side"),
        "subjectType": kind,
        "comments": Connection([_comment(one, number, root, kind) for one in members]),
    }


def _comment(comment: Json, number: int, root: Json, kind: str) -> Json:
    above = None if comment is root else {"id": f"C_{number}_{root['id']}"}
    may_push = comment.get("may_push")
    return {
        "__typename": "PullRequestReviewComment",
        "id": f"C_{number}_{comment['id']}",
        "fullDatabaseId": str(comment["id"]),
        "databaseId": comment["id"],
        "author": _actor(comment.get("user")),
        "authorAssociation": comment.get("author_association") or "NONE",
        "body": comment.get("body") or "",
        "createdAt": comment["created_at"],
        "url": comment["html_url"],
        "path": comment["path"],
        "diffHunk": comment.get("diff_hunk") or "",
        "subjectType": kind,
        "originalLine": comment.get("original_line"),
        "originalStartLine": comment.get("original_start_line"),
        "originalCommit": _oid(comment.get("original_commit_id")),
        "commit": _oid(comment.get("commit_id")),
        "replyTo": above,
        "pullRequestReview": (
            None if may_push is None else {"authorCanPushToRepository": may_push}
        ),
        "isMinimized": bool(comment.get("minimized")),
        "reactions": Connection(
            [{"createdAt": comment["created_at"], **one} for one in comment.get("reactions_by", [])]
        ),
    }


def _oid(sha: str | None) -> Json | None:
    return {"oid": sha} if sha else None


def _reviews(events: Sequence[Json]) -> Iterator[Json]:
    for event in events:
        if event.get("event") == "reviewed":
            yield {
                "author": _actor(event.get("user")),
                "authorAssociation": event.get("author_association") or "NONE",
                "authorCanPushToRepository": event.get("author_association") in WRITERS,
                "state": event["state"].upper(),
                "submittedAt": event.get("submitted_at"),
                "body": event.get("body") or "",
                "url": event.get("html_url") or "https://github.com/",
                "commit": _oid(event.get("commit_id")),
            }


def _commits(events: Sequence[Json]) -> Iterator[Json]:
    for event in events:
        if event.get("event") == "committed":
            when = event["committer"]["date"]
            yield {"commit": {"oid": event["sha"], "committedDate": when}}


def _pushes(events: Sequence[Json]) -> Iterator[Json]:
    for event in events:
        if event.get("event") == "head_ref_force_pushed":
            yield {
                "__typename": "HeadRefForcePushedEvent",
                "createdAt": event["created_at"],
                "actor": _actor(event.get("actor")),
                "beforeCommit": None,
                "afterCommit": _oid(event.get("commit_id")),
            }


def _talk(events: Sequence[Json]) -> Iterator[Json]:
    for event in events:
        if event.get("event") == "commented":
            yield {
                "author": _actor(event.get("user") or event.get("actor")),
                "authorAssociation": event.get("author_association") or "NONE",
                "body": event.get("body") or "",
                "createdAt": event["created_at"],
            }


def count_nodes(document: graphql.DocumentNode, variables: Json) -> int:
    """The most nodes a question can bring, as GitHub counts; ValueError for a wrong page size.

    https://docs.github.com/graphql/overview/rate-limits-and-node-limits-for-the-graphql-api
    """
    (operation,) = document.definitions
    assert isinstance(operation, graphql.OperationDefinitionNode)
    return _count(operation.selection_set, 1, variables)


def _count(fields: SelectionSetNode | None, holders: int, variables: Json) -> int:
    total = 0
    for field in fields.selections if fields else ():
        inner = holders
        if isinstance(field, FieldNode):
            for argument in field.arguments or ():
                if argument.name.value == "first":
                    size = _size(argument.value, variables)
                    if not 1 <= size <= MOST_MEMBERS:
                        raise ValueError(f"first: {size}")
                    inner = holders * size
                    total += inner
        assert isinstance(field, FieldNode | InlineFragmentNode)
        total += _count(field.selection_set, inner, variables)
    return total


def _size(value: graphql.ValueNode, variables: Json) -> int:
    if isinstance(value, graphql.VariableNode):
        return int(variables[value.name.value])
    assert isinstance(value, graphql.IntValueNode)
    return int(value.value)
