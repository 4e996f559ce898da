"""The objects of GitHub's REST API as the tool github-metadata-backup stores them.

Plain values in, dictionaries out; no I/O. The fields and their nulls follow real records of
https://github.com/bitcoin-data/github-metadata-backup-bitcoin-core-secp256k1.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.demo.talk import ORGANISATION, REPOSITORY, Person

HTML = f"https://github.com/{REPOSITORY}"
API = f"https://api.github.com/repos/{REPOSITORY}"

Payload = dict[str, Any]


def format_time(at: datetime) -> str:
    """GitHub's form of a UTC time."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(kind: str, number: int) -> str:
    """An opaque id as the GraphQL API has them."""
    return f"{kind}_{base64.urlsafe_b64encode(number.to_bytes(8, 'big')).decode().rstrip('=')}"


def user_object(person: Person) -> Payload:
    """An account."""
    login = person.login
    return {
        "login": login,
        "id": person.id,
        "node_id": node_id("U", person.id),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{person.id}?v=4",
        "gravatar_id": "",
        "url": f"https://api.github.com/users/{login}",
        "html_url": f"https://github.com/{login}",
        "type": "Bot" if person.is_bot else "User",
        "site_admin": False,
        "name": None,
        "patch_url": None,
    }


def organisation_object() -> Payload:
    """The account that owns the repository."""
    owner = Person(ORGANISATION, ORGANISATION, "OWNER")
    return {**user_object(owner), "type": "Organization"}


def repository_object(pushed_at: datetime) -> Payload:
    """The repository, as it stands in the base and head of a pull request."""
    return {
        "id": 712_345_678,
        "node_id": node_id("R", 712_345_678),
        "name": "harbor",
        "full_name": REPOSITORY,
        "owner": organisation_object(),
        "private": False,
        "html_url": HTML,
        "description": "The software of the port of Tidewater",
        "fork": False,
        "url": API,
        "language": "Python",
        "default_branch": "main",
        "archived": False,
        "visibility": "public",
        "pushed_at": format_time(pushed_at),
        "created_at": "2024-01-29T08:00:00Z",
        "updated_at": format_time(pushed_at),
    }


def branch_object(ref: str, sha: str, repository: Payload) -> Payload:
    """The base or the head of a pull request."""
    return {
        "label": f"{ORGANISATION}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": organisation_object(),
        "repo": repository,
    }


def comment_object(
    *,
    id: int,
    review: int,
    pull: int,
    author: Person,
    body: str,
    at: datetime,
    place: Mapping[str, Any],
    in_reply_to: int | None,
) -> Payload:
    """A review comment; `place` holds its path, hunk, commits, lines and positions."""
    return {
        "url": f"{API}/pulls/comments/{id}",
        "pull_request_review_id": review,
        "id": id,
        "node_id": node_id("PRRC", id),
        **place,
        "in_reply_to_id": in_reply_to,
        "user": user_object(author),
        "body": body,
        "created_at": format_time(at),
        "updated_at": format_time(at),
        "html_url": f"{HTML}/pull/{pull}#discussion_r{id}",
        "author_association": author.association,
        "_links": {
            "self": {"href": f"{API}/pulls/comments/{id}"},
            "pull_request": {"href": f"{API}/pulls/{pull}"},
        },
    }


def commit_event(
    *, sha: str, tree: str, parents: Sequence[str], message: str, author: Person, at: datetime
) -> Payload:
    """A commit in the row of events; like GitHub's it has no `created_at`."""
    signature = {"name": author.name, "email": author.email, "date": format_time(at)}
    return {
        "event": "committed",
        "id": None,
        "node_id": f"C_{sha[:20]}",
        "url": f"{API}/git/commits/{sha}",
        "actor": None,
        "commit_id": None,
        "commit_url": None,
        "created_at": None,
        "html_url": f"{HTML}/commit/{sha}",
        "tree": {"sha": tree, "url": f"{API}/git/trees/{tree}"},
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "payload": None,
            "signature": None,
        },
        "parents": [
            {
                "url": f"{API}/git/commits/{parent}",
                "sha": parent,
                "html_url": f"{HTML}/commit/{parent}",
            }
            for parent in parents
        ],
        "message": message,
        "committer": signature,
        "author": signature,
        "sha": sha,
    }


def review_event(
    *, id: int, pull: int, author: Person, body: str, state: str, commit: str, at: datetime
) -> Payload:
    """A review; its time is `submitted_at`."""
    return {
        "event": "reviewed",
        "id": id,
        "node_id": node_id("PRR", id),
        "url": None,
        "actor": None,
        "commit_id": commit,
        "commit_url": None,
        "created_at": None,
        "updated_at": format_time(at),
        "author_association": author.association,
        "body": body,
        "user": user_object(author),
        "html_url": f"{HTML}/pull/{pull}#pullrequestreview-{id}",
        "submitted_at": format_time(at),
        "state": state,
        "pull_request_url": f"{API}/pulls/{pull}",
    }


def commented_event(
    *, id: int, number: int, author: Person, body: str, at: datetime, is_pull: bool
) -> Payload:
    """A comment below a pull request or an issue, on no line."""
    page = f"{HTML}/{'pull' if is_pull else 'issues'}/{number}"
    return {
        "event": "commented",
        "id": id,
        "node_id": node_id("IC", id),
        "url": f"{API}/issues/comments/{id}",
        "actor": user_object(author),
        "commit_id": None,
        "commit_url": None,
        "created_at": format_time(at),
        "updated_at": format_time(at),
        "author_association": author.association,
        "body": body,
        "user": user_object(author),
        "html_url": f"{page}#issuecomment-{id}",
        "issue_url": f"{API}/issues/{number}",
    }


def plain_event(
    event: str, *, id: int, actor: Person, at: datetime, commit: str | None = None
) -> Payload:
    """Merged, closed, force-pushed, branch deleted."""
    return {
        "event": event,
        "id": id,
        "node_id": node_id("EV", id),
        "url": f"{API}/issues/events/{id}",
        "actor": user_object(actor),
        "commit_id": commit,
        "commit_url": f"{API}/commits/{commit}" if commit else None,
        "created_at": format_time(at),
    }
