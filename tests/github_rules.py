"""What our fake GitHub knows about diffs, judged by unidiff and not by our own reader."""

import re
from collections.abc import Collection
from typing import Any

from unidiff.patch import PatchSet

LONGEST_BODY = 65_536
Payload = dict[str, Any]


def lines_of(diff: str) -> dict[tuple[str, str], list[set[int]]]:
    """The lines that may be commented, hunk by hunk, for each path and side."""
    found: dict[tuple[str, str], list[set[int]]] = {}
    for file in PatchSet(diff):
        for hunk in file:
            for side, number in (("RIGHT", "target_line_no"), ("LEFT", "source_line_no")):
                lines = {getattr(line, number) for line in hunk} - {None}
                found.setdefault((file.path, side), []).append(lines)
    return found


def refusal(asked: Payload, diff: str, commits: Collection[str]) -> str:
    """Why GitHub refuses a review; it names no line."""
    comments = asked.get("comments", [])
    bodies = [asked.get("body") or "", *(comment["body"] for comment in comments)]
    if asked.get("event") == "COMMENT" and not bodies[0].strip() and not comments:
        return "Body cannot be blank"
    if any(len(body) > LONGEST_BODY for body in bodies):
        return "Body is too long (maximum is 65536 characters)"
    if "commit_id" in asked and asked["commit_id"] not in commits:
        return "Commit is not part of the pull request"
    allowed = lines_of(diff)
    for comment in comments:
        hunks = allowed.get((comment["path"], comment.get("side", "RIGHT")), [])
        wanted = {comment.get("line"), comment.get("start_line") or comment.get("line")}
        ordered = (comment.get("start_line") or 0) < (comment.get("line") or 0)
        if not ordered or not any(wanted <= lines for lines in hunks):
            return "Line could not be resolved"
    return ""


def diff_of_hunks(comments: list[Payload]) -> str:
    """A diff of the hunks stored with review comments; they end at the commented line.

    Of hunks that overlap the longest is kept, and every header counts what really stands there.
    """
    kept: dict[str, list[tuple[int, int, str]]] = {}
    for comment in sorted(comments, key=lambda comment: -len(comment["diff_hunk"])):
        header, *lines = comment["diff_hunk"].split("\n")
        old, new = (int(number) for number in re.findall(r"[-+](\d+)", header)[:2])
        olds, news = (sum(line[:1] != mark for line in lines) for mark in "+-")
        spans = kept.setdefault(comment["path"], [])
        if all(new + news <= start or start + length <= new for start, length, _ in spans):
            text = "\n".join((f"@@ -{old},{olds} +{new},{news} @@", *lines))
            spans.append((new, news, text))
    files = []
    for path, spans in sorted(kept.items()):
        hunks = "\n".join(text for _, _, text in sorted(spans))
        added = "@@ -0,0" in hunks
        before = "new file mode 100644\n--- /dev/null" if added else f"--- a/{path}"
        files.append(f"diff --git a/{path} b/{path}\n{before}\n+++ b/{path}\n{hunks}\n")
    return "".join(files)
