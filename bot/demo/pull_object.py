"""The object of a pull request as GitHub's REST API gives it. Pure."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from bot.demo.github_shapes import (
    API,
    HTML,
    Payload,
    branch_object,
    format_time,
    node_id,
    repository_object,
    user_object,
)
from bot.demo.history import PullHistory


class PullCommits(Struct, frozen=True, kw_only=True):
    """The commits it names, by their hashes; `merge` is None where it was closed unmerged."""

    head: str
    base: str
    merge: str | None


def pull_object(
    pull: PullHistory,
    *,
    id: int,
    body: str,
    commits: PullCommits,
    diff: str,
    review_comments: int,
    comments: int,
) -> Payload:
    """A closed pull request; `diff` is of its last version, for the counts of lines."""
    plan, number = pull.plan, pull.plan.number
    lines = diff.split("\n")
    merged_at = format_time(plan.closed_at) if commits.merge else None
    repository = repository_object(plan.closed_at)
    pages: dict[str, Any] = {
        "url": f"{API}/pulls/{number}",
        "html_url": f"{HTML}/pull/{number}",
        "diff_url": f"{HTML}/pull/{number}.diff",
        "patch_url": f"{HTML}/pull/{number}.patch",
        "issue_url": f"{API}/issues/{number}",
        "commits_url": f"{API}/pulls/{number}/commits",
        "review_comments_url": f"{API}/pulls/{number}/comments",
        "comments_url": f"{API}/issues/{number}/comments",
        "statuses_url": f"{API}/statuses/{commits.head}",
    }
    return {
        **pages,
        "id": id,
        "node_id": node_id("PR", id),
        "number": number,
        "state": "closed",
        "locked": False,
        "maintainer_can_modify": False,
        "title": pull.title,
        "user": user_object(plan.author),
        "body": body,
        "labels": [],
        "created_at": format_time(plan.opened_at),
        "updated_at": format_time(plan.closed_at),
        "closed_at": format_time(plan.closed_at),
        "mergeable_state": "unknown",
        "merged": commits.merge is not None,
        "merged_at": merged_at,
        "merged_by": user_object(plan.reviewer) if merged_at else None,
        "merge_commit_sha": commits.merge,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "head": branch_object(pull.branch, commits.head, repository),
        "base": branch_object("main", commits.base, repository),
        "_links": {"self": {"href": f"{API}/pulls/{number}"}},
        "author_association": plan.author.association,
        "draft": False,
        "additions": sum(line[:1] == "+" and line[:4] != "+++ " for line in lines),
        "deletions": sum(line[:1] == "-" and line[:4] != "--- " for line in lines),
        "changed_files": sum(line.startswith("diff --git ") for line in lines),
        "commits": len(pull.commits),
        "review_comments": review_comments,
        "comments": comments,
    }
