"""Write the sample team's pull requests in the layout of the tool github-metadata-backup.

Records and commit ids in; `pulls/N.json`, `issues/N.json` and `state.json` out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

from bot.demo.comment_place import CommitIds, place_fields
from bot.demo.github_shapes import (
    API,
    HTML,
    Payload,
    comment_object,
    commented_event,
    commit_event,
    format_time,
    node_id,
    plain_event,
    review_event,
    user_object,
)
from bot.demo.gitstream import Mark
from bot.demo.history import PullHistory
from bot.demo.hunks import parse_hunks
from bot.demo.pull_object import PullCommits, pull_object
from bot.demo.remarks import Note, Thread
from bot.demo.talk import Deck, Person, Talk

BACKUP_VERSION = 2
NUDGED = 0.3  # of the revised pull requests


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
            place = place_fields(pull, thread, hunks, self._ids)
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
            "pull": pull_object(
                pull,
                id=next(self._pull_ids),
                body=self._openings.draw(),
                commits=PullCommits(
                    head=self._ids[pull.head_mark],
                    base=self._ids[pull.base],
                    merge=None if pull.merge is None else self._ids[pull.merge],
                ),
                diff=self._ids.diffs[self._ids[pull.head_mark]],
                review_comments=len(comments),
                comments=sum(event["event"] == "commented" for event in events),
            ),
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


def _review_key(note: Note) -> tuple[str, str]:
    return note.author.login, note.phase


def _save(path: Path, payload: Payload) -> None:
    path.write_text(json.dumps(payload, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
