"""Records as github-metadata-backup writes them, as short as GitHub's shapes allow."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPO = "team/harbour"
BASE, HEAD = "b" * 40, "e" * 40
OLD = "a" * 40
HUNK = "@@ -10,6 +10,7 @@ def f():\n a = 1\n-b = 2\n+b = 3\n+c = 4"
"""Ends at new line 12."""

Json = dict[str, Any]


def user(login: str, kind: str = "User") -> Json:
    return {"login": login, "id": 1, "type": kind}


def pull(number: int = 7, **more: Any) -> Json:
    values: Json = {
        "url": f"https://api.github.com/repos/{REPO}/pulls/{number}",
        "html_url": f"https://github.com/{REPO}/pull/{number}",
        "number": number,
        "title": "Berth ships",
        "state": "closed",
        "user": user("olga"),
        "created_at": "2024-05-01T08:00:00Z",
        "updated_at": "2024-05-09T08:00:00Z",
        "closed_at": "2024-05-03T08:00:00Z",
        "merged_at": "2024-05-03T08:00:00Z",
        "merged_by": user("mia"),
        "head": {"sha": HEAD, "repo": None},
        "base": {"sha": BASE, "repo": {"full_name": REPO, "license": {"spdx_id": "MIT"}}},
    }
    return values | more


def comment(number: int, **more: Any) -> Json:
    values: Json = {
        "id": number,
        "path": "ships.py",
        "body": "Please name the exception you expect here.",
        "diff_hunk": HUNK,
        "original_commit_id": OLD,
        "in_reply_to_id": None,
        "user": user("rita"),
        "author_association": "MEMBER",
        "created_at": f"2024-05-02T08:00:{number % 60:02}Z",
        "html_url": f"https://github.com/{REPO}/pull/7#discussion_r{number}",
        "side": "RIGHT",
        "start_side": None,
        "original_line": 12,
        "original_start_line": None,
    }
    return values | more


def reviewed(login: str, sha: str, at: str, state: str = "COMMENTED", **more: Any) -> Json:
    values: Json = {
        "event": "reviewed",
        "user": user(login),
        "author_association": "CONTRIBUTOR",
        "commit_id": sha,
        "submitted_at": at,
        "state": state,
    }
    return values | more


def record(number: int = 7, **parts: Any) -> Json:
    values: Json = {"type": "pull", "pull": pull(number), "events": [], "comments": []}
    return values | parts


def body(**parts: Any) -> bytes:
    return json.dumps(record(**parts)).encode()


def write_archive(folder: Path, *records: Mapping[str, Any]) -> Path:
    (folder / "pulls").mkdir(parents=True)
    (folder / "issues").mkdir()
    for one in records:
        name = f"{one['pull']['number']}.json"
        (folder / "pulls" / name).write_text(json.dumps(one), encoding="utf-8")
    (folder / "state.json").write_text('{"version": 2, "failed_pulls": []}', encoding="utf-8")
    return folder
