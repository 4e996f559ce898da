"""The fields of a review comment that say where it stands, then and in the last version. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from bot.demo.github_shapes import Payload
from bot.demo.gitstream import Mark
from bot.demo.history import PullHistory
from bot.demo.hunks import Hunk, find_spot
from bot.demo.remarks import Thread


class CommitIds(Struct, frozen=True):
    """What git made of the marks."""

    shas: Mapping[Mark, str]
    trees: Mapping[str, str]  # by commit
    diffs: Mapping[str, str]  # by head commit, against the base of its pull request

    def __getitem__(self, mark: Mark) -> str:
        return self.shas[mark]


def place_fields(
    pull: PullHistory,
    thread: Thread,
    hunks: Mapping[Mark, Mapping[str, list[Hunk]]],
    ids: CommitIds,
) -> Payload:
    """Of one thread; `hunks` are the parsed diffs of the first and the last version."""
    mark, code = pull.first_mark, pull.first
    if thread.on_head:
        mark, code = pull.head_mark, pull.head
    key, block = thread.placement.module, thread.placement.block_id
    path = code[key].path
    start = code[key].first_line(block) + thread.offset
    last = thread.offset + thread.lines - 1
    end = start + thread.lines - 1
    spot = find_spot(hunks[mark], path, end)
    if spot is None:
        raise RuntimeError(f"#{pull.plan.number}: {path}:{end} is in no hunk")
    line, position = None, 1  # so GitHub says it of an outdated comment
    is_kept = thread.on_head or not pull.is_repaired(thread.placement)
    kept = last if is_kept else thread.placement.piece.moved(last)
    if kept is not None:
        line = pull.head[key].first_line(block) + kept
        now = find_spot(hunks[pull.head_mark], path, line)
        position = now.position if now else 1
    many = thread.lines > 1
    return {
        "diff_hunk": spot.diff_hunk,
        "path": path,
        "position": position,
        "original_position": spot.position,
        "commit_id": ids[pull.head_mark],
        "original_commit_id": ids[mark],
        "start_line": line - thread.lines + 1 if many and line is not None else None,
        "original_start_line": start if many else None,
        "start_side": "RIGHT" if many else None,
        "line": line,
        "original_line": end,
        "side": "RIGHT",
    }
