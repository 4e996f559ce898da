"""Write the sample team's pull requests in the layout of the tool github-metadata-backup.

Records and commit ids in; `pulls/N.json`, `issues/N.json` and `state.json` out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

from bot.demo.github_shapes import (
    API,
    HTML,
    Payload,
    branch_object,
    comment_object,
    commented_event,
    commit_event,
    format_time,
    node_id,
    plain_event,
    repository_object,
    review_event,
    user_object,
)
from bot.demo.gitstream import Mark
from bot.demo.history import PullHistory
from bot.demo.hunks import Hunk, find_spot, parse_hunks
from bot.demo.remarks import Note, Thread
from bot.demo.talk import Deck, Person, Talk

BACKUP_VERSION = 2
NUDGED = 0.3  # of the revised pull requests


class CommitIds(Struct, frozen=True):
    """What git made of the marks."""

    shas: Mapping[Mark, str]
    trees: Mapping[str, str]  # by commit
    diffs: Mapping[str, str]  # by head commit, against the base of its pull request

    def __getitem__(self, mark: Mark) -> str:
        return self.shas[mark]


class ArchiveWriter:
    """Turns records into files; numbers things in the order it meets them."""

    def __init__(self, ids: CommitIds, talk: Talk, rng: Random) -> None:
        self._ids = ids
        self._talk = talk
        self._rng = rng
        self._comment_ids = count(1_510_004_117, 613)
        self._review_ids = count(1_912_300_551, 389)
        self._event_ids = count(12_010_000_331, 977)
        self._pull_ids = count(1_750_220_019, 40_013)
        said = talk.phrases
        self._approvals = Deck(said.approvals, rng)
        self._first_looks = Deck(said.first_looks, rng)
        self._closings = Deck(said.closings, rng)
        self._nudges = Deck(said.nudges, rng)
        self._openings = Deck(said.openings, rng)

    def write(self, folder: Path, pulls: Sequence[PullHistory], threads: Sequence[Thread]) -> None:
        """Write the whole archive."""
        (folder / "pulls").mkdir(parents=True)
        (folder / "issues").mkdir()
        for pull in pulls:
            mine = [thread for thread in threads if thread.pull == pull.plan.number]
            _save(folder / "pulls" / f"{pull.plan.number}.json", self.render_pull(pull, mine))
        taken = {pull.plan.number: pull.plan.opened_at for pull in pulls}
        gaps = sorted(set(range(1, max(taken) + 1)) - set(taken))
        for number, text in zip(gaps, self._talk.issues, strict=False):
            issue = self.render_issue(number, text.title, text.body, text.reply, taken[number - 1])
            _save(folder / "issues" / f"{number}.json", issue)
        last = max(pull.plan.closed_at for pull in pulls) + timedelta(days=1)
        _save(
            folder / "state.json",
            {
                "version": BACKUP_VERSION,
                "last_backup": format_time(last),
                "failed_issues": [],
                "failed_pulls": [],
            },
        )

    def render_pull(self, pull: PullHistory, threads: Sequence[Thread]) -> Payload:
        """The record of one pull request."""
        reviews = self._gather_reviews(pull, threads)
        hunks = {
            mark: parse_hunks(self._ids.diffs[self._ids[mark]])
            for mark in {pull.first_mark, pull.head_mark}
        }
        comments: list[Payload] = []
        for thread in threads:
            place = self._place_comment(pull, thread, hunks)
            root: int | None = None
            for note in thread.notes:
                comment = comment_object(
                    id=next(self._comment_ids),
                    review=reviews[_review_key(note)]["id"],
                    pull=pull.plan.number,
                    author=note.author,
                    body=note.body,
                    at=note.at,
                    place=place,
                    in_reply_to=root,
                )
                root = root or comment["id"]
                comments.append(comment)
        comments.sort(key=lambda comment: (comment["created_at"], comment["id"]))
        events = self._render_events(pull, list(reviews.values()))
        return {
            "type": "pull",
            "pull": self._pull_object(pull, comments, events),
            "events": events,
            "comments": comments,
        }

    def render_issue(
        self, number: int, title: str, body: str, reply: str, after: datetime
    ) -> Payload:
        """The record of one issue: reported, answered, closed."""
        reporter = self._rng.choice(self._talk.authors)
        closer = self._rng.choice(self._talk.reviewers)
        opened, closed = after + timedelta(hours=3), after + timedelta(days=2)
        identity = next(self._pull_ids)
        events = [
            commented_event(
                id=next(self._event_ids),
                number=number,
                author=closer,
                body=reply,
                at=closed,
                is_pull=False,
            ),
            plain_event("closed", id=next(self._event_ids), actor=closer, at=closed),
        ]
        issue = {
            "id": identity,
            "node_id": node_id("I", identity),
            "url": f"{API}/issues/{number}",
            "html_url": f"{HTML}/issues/{number}",
            "number": number,
            "state": "closed",
            "state_reason": "completed",
            "title": title,
            "body": body,
            "user": user_object(reporter),
            "labels": [],
            "assignees": [],
            "author_association": reporter.association,
            "locked": False,
            "comments": 1,
            "closed_at": format_time(closed),
            "closed_by": user_object(closer),
            "created_at": format_time(opened),
            "updated_at": format_time(closed),
        }
        return {"type": "issue", "issue": issue, "events": events}

    def _gather_reviews(
        self, pull: PullHistory, threads: Sequence[Thread]
    ) -> dict[tuple[str, str], Payload]:
        """One review for each person and phase; the reviewer's last one approves."""
        plan = pull.plan
        notes: dict[tuple[str, str], list[Note]] = {}
        for note in (note for thread in threads for note in thread.notes):
            notes.setdefault(_review_key(note), []).append(note)
        first, head = self._ids[pull.first_mark], self._ids[pull.head_mark]
        reviews: dict[tuple[str, str], Payload] = {}
        for (login, phase), said in notes.items():
            is_reviewer = login == plan.reviewer.login
            state = "COMMENTED"
            if is_reviewer and phase == "reviewed" and plan.number % 3 == 0:
                state = "CHANGES_REQUESTED"
            body = self._first_looks.draw() if is_reviewer and phase == "reviewed" else ""
            reviews[login, phase] = self._review(
                pull,
                said[0].author,
                body,
                state,
                first if phase in ("opened", "reviewed") else head,
                max(note.at for note in said),
            )
        if plan.is_merged:
            key = (plan.reviewer.login, "closed")
            at = plan.closed_at - timedelta(minutes=6)
            reviews[key] = self._review(
                pull, plan.reviewer, self._approvals.draw(), "APPROVED", head, at
            )
        return reviews

    def _review(
        self, pull: PullHistory, author: Person, body: str, state: str, commit: str, at: datetime
    ) -> Payload:
        return review_event(
            id=next(self._review_ids),
            pull=pull.plan.number,
            author=author,
            body=body,
            state=state,
            commit=commit,
            at=at,
        )

    def _place_comment(
        self, pull: PullHistory, thread: Thread, hunks: Mapping[Mark, Mapping[str, list[Hunk]]]
    ) -> Payload:
        """The fields that say where a thread stands, then and in the last version."""
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
            "commit_id": self._ids[pull.head_mark],
            "original_commit_id": self._ids[mark],
            "start_line": line - thread.lines + 1 if many and line is not None else None,
            "original_start_line": start if many else None,
            "start_side": "RIGHT" if many else None,
            "line": line,
            "original_line": end,
            "side": "RIGHT",
        }

    def _render_events(self, pull: PullHistory, reviews: Sequence[Payload]) -> list[Payload]:
        plan = pull.plan
        timed: list[tuple[datetime | str, Payload]] = []
        for commit in pull.commits:
            sha = self._ids[commit.mark]
            timed.append(
                (
                    format_time(commit.at),
                    commit_event(
                        sha=sha,
                        tree=self._ids.trees[sha],
                        parents=[self._ids[commit.parent]],
                        message=commit.message,
                        author=commit.author,
                        at=commit.at,
                    ),
                )
            )
        timed.extend((review["submitted_at"], review) for review in reviews)

        def add(at: datetime, payload: Payload) -> None:
            timed.append((format_time(at), payload))

        def plain(event: str, actor: Person, at: datetime, commit: Mark | None = None) -> None:
            sha = self._ids[commit] if commit is not None else None
            add(at, plain_event(event, id=next(self._event_ids), actor=actor, at=at, commit=sha))

        def comment(author: Person, body: str, at: datetime) -> None:
            add(
                at,
                commented_event(
                    id=next(self._event_ids),
                    number=plan.number,
                    author=author,
                    body=body,
                    at=at,
                    is_pull=True,
                ),
            )

        if plan.kind == "rewritten":
            plain(
                "head_ref_force_pushed",
                plan.author,
                plan.revised_at + timedelta(seconds=40),
                pull.head_mark,
            )
        if plan.is_revised and self._rng.random() < NUDGED:
            comment(plan.author, self._nudges.draw(), plan.revised_at + timedelta(minutes=25))
        if pull.merge is not None:
            plain("merged", plan.reviewer, plan.closed_at, pull.merge)
            plain("closed", plan.reviewer, plan.closed_at)
            plain("head_ref_deleted", plan.author, plan.closed_at + timedelta(minutes=1))
        else:
            comment(plan.author, self._closings.draw(), plan.closed_at - timedelta(minutes=1))
            plain("closed", plan.author, plan.closed_at)
        return [payload for _, payload in sorted(timed, key=lambda entry: str(entry[0]))]

    def _pull_object(
        self, pull: PullHistory, comments: Sequence[Payload], events: Sequence[Payload]
    ) -> Payload:
        plan = pull.plan
        number = plan.number
        identity = next(self._pull_ids)
        head, base = self._ids[pull.head_mark], self._ids[pull.base]
        diff = self._ids.diffs[head].split("\n")
        merged_at = format_time(plan.closed_at) if pull.merge is not None else None
        repository = repository_object(plan.closed_at)
        closer = user_object(plan.reviewer)
        pages: dict[str, Any] = {
            "url": f"{API}/pulls/{number}",
            "html_url": f"{HTML}/pull/{number}",
            "diff_url": f"{HTML}/pull/{number}.diff",
            "patch_url": f"{HTML}/pull/{number}.patch",
            "issue_url": f"{API}/issues/{number}",
            "commits_url": f"{API}/pulls/{number}/commits",
            "review_comments_url": f"{API}/pulls/{number}/comments",
            "comments_url": f"{API}/issues/{number}/comments",
            "statuses_url": f"{API}/statuses/{head}",
        }
        return {
            **pages,
            "id": identity,
            "node_id": node_id("PR", identity),
            "number": number,
            "state": "closed",
            "locked": False,
            "maintainer_can_modify": False,
            "title": pull.title,
            "user": user_object(plan.author),
            "body": self._openings.draw(),
            "labels": [],
            "created_at": format_time(plan.opened_at),
            "updated_at": format_time(plan.closed_at),
            "closed_at": format_time(plan.closed_at),
            "mergeable_state": "unknown",
            "merged": pull.merge is not None,
            "merged_at": merged_at,
            "merged_by": closer if merged_at else None,
            "merge_commit_sha": self._ids[pull.merge] if pull.merge is not None else None,
            "assignees": [],
            "requested_reviewers": [],
            "requested_teams": [],
            "head": branch_object(pull.branch, head, repository),
            "base": branch_object("main", base, repository),
            "_links": {"self": {"href": f"{API}/pulls/{number}"}},
            "author_association": plan.author.association,
            "draft": False,
            "additions": sum(line[:1] == "+" and line[:4] != "+++ " for line in diff),
            "deletions": sum(line[:1] == "-" and line[:4] != "--- " for line in diff),
            "changed_files": sum(line.startswith("diff --git ") for line in diff),
            "commits": len(pull.commits),
            "review_comments": len(comments),
            "comments": sum(event["event"] == "commented" for event in events),
        }


def _review_key(note: Note) -> tuple[str, str]:
    return note.author.login, note.phase


def _save(path: Path, payload: Payload) -> None:
    path.write_text(json.dumps(payload, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
