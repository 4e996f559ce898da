"""A clone alone, no API: what commits tell of reviews that nobody stored.

Pull requests are found by their heads (refs/pull/N/head, refs/merge-requests/N/head) and by the
commits that landed them on the main branch. A commit of a pull request that answers review
becomes remarks: each block of lines it replaced stands for "replace this by that", said of the
commit before it. Remarks in words are not in a clone, so a window without one is no silence.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec

from mining.objects import CommitRow
from mining.repository import open_repository, without_password
from mining.sources import RawPayload
from mining.sources.history_change import FORMAT, Answer, HistoryPayload, Step, read
from mining.sources.history_words import answers_review
from postil.errors import SourceError

__all__ = ["History", "read"]

HEAD_REF = re.compile(r"^refs/(?:remotes/[^/]+/)?(?:pull|pr|merge-requests)/(\d+)(?:/head)?$")
MERGE = re.compile(
    r"^Merge pull request #(\d+) from |^Merge PR #(\d+)|^Merge [^\n]*?#(\d+): |"
    r"See merge request [^\s!]*!(\d+)\s*$",
    re.MULTILINE,
)
SQUASH = re.compile(r"[^\n]*\(#(\d+)\)[ \t\r]*(?:\n|$)")
"""The subject that GitHub gives a squashed pull request."""

WEB_COMMITTERS = frozenset({"noreply@github.com", "noreply@gitlab.com"})
"""Who commits what is done in a browser; the person is the author then."""

MOST_STEPS = 400
"""Commits of one pull request that are looked at, newest first."""


class Landing(msgspec.Struct, frozen=True):
    """How a pull request came onto the main branch."""

    number: int
    commit: CommitRow
    head: str | None
    """The last commit of the branch, where the main branch holds it."""


class History:
    """The pull requests in a clone at `where`."""

    kind = "history"

    def __init__(self, where: str, clone: Path | None, repo: str | None) -> None:
        self.clone: Path | None = Path(where).expanduser().resolve()
        self._repository = open_repository(self.clone)
        remote = self._repository.remote_url()
        self._remote = without_password(remote).removesuffix(".git") if remote else ""
        self.repo = repo or "/".join(re.split(r"[/:]", self._remote)[-2:]) or self.clone.name
        tip = self._repository.tip()
        if tip is None:
            raise SourceError(f"{where}: a clone without commits")
        self._tip = tip

    def fetch(self, since: datetime | None, until: datetime | None) -> Iterator[RawPayload]:
        """One payload a pull request that landed, with when it did."""
        with self._repository:
            commits = {row.sha: row for row in self._repository.commits()}
            heads = self._heads()
            main = _main_line(self._tip, commits)
            for landing in _landings(main, commits):
                at = _time(landing.commit.committed_at)
                if (since and at < since) or (until and at > until):
                    continue
                head = landing.head or heads.get(landing.number)
                payload = self._payload(landing, head, commits, main)
                body = msgspec.json.encode(payload, order="deterministic")
                yield RawPayload(str(landing.number), at, body)

    def _heads(self) -> dict[int, str]:
        found = {}
        for name, sha in self._repository.refs("refs").items():
            if match := HEAD_REF.match(name):
                found[int(match[1])] = sha
        return found

    def _payload(
        self,
        landing: Landing,
        head: str | None,
        commits: dict[str, CommitRow],
        main: dict[str, int],
    ) -> HistoryPayload:
        commit = landing.commit
        base = commit.parents[0] if commit.parents else ""
        steps = _steps(head, base, commits, main) if head else []
        web = commit.committer_mail in WEB_COMMITTERS
        by_hand = not web and (landing.head or commit.committer_name != commit.author_name)
        merged_by = commit.author_name if web and landing.head else None
        return HistoryPayload(
            format=FORMAT,
            repo=self.repo,
            number=landing.number,
            url=f"{self._remote}/pull/{landing.number}" if "://" in self._remote else "",
            title=_title(commit, landing),
            landed=commit.sha,
            landed_at=commit.committed_at,
            merged_by=commit.committer_name if by_hand else merged_by,
            base=base,
            steps=tuple(_step(one) for one in steps),
            answers=tuple(self._answers(steps)),
        )

    def _answers(self, steps: list[CommitRow]) -> Iterator[Answer]:
        """The diffs of the commits that answer review."""
        for before, step in pairwise(steps):
            if step.parents[:1] == (before.sha,) and answers_review(step.message):
                try:
                    patch = self._repository.diff(before.sha, step.sha)
                except SourceError:  # a commit whose tree is gone
                    continue
                yield Answer(before=before.sha, sha=step.sha, patch=patch)


def _main_line(tip: str, commits: dict[str, CommitRow]) -> dict[str, int]:
    """The commits of the main branch, each with how many are newer than it."""
    line: dict[str, int] = {}
    while tip in commits:
        line[tip] = len(line)
        tip = next(iter(commits[tip].parents), "")
    return line


def _landings(main: dict[str, int], commits: dict[str, CommitRow]) -> list[Landing]:
    """Each numbered pull request once, by the last commit that landed it."""
    found: dict[int, Landing] = {}
    for commit in map(commits.__getitem__, main):
        merge = len(commit.parents) > 1
        match = MERGE.search(commit.message) if merge else SQUASH.match(commit.message)
        if match:
            number = int(next(filter(None, match.groups())))
            head = commit.parents[1] if merge else None
            found.setdefault(number, Landing(number, commit, head))
    return [found[number] for number in sorted(found)]


def _steps(
    head: str, base: str, commits: dict[str, CommitRow], main: dict[str, int]
) -> list[CommitRow]:
    """The commits of a branch along first parents, oldest first, from where it left `main`."""
    steps: list[CommitRow] = []
    newest = main.get(base, 0)
    while head in commits and main.get(head, -1) < newest and len(steps) < MOST_STEPS:
        steps.append(commits[head])
        head = next(iter(commits[head].parents), "")
    return steps[::-1]


def _step(commit: CommitRow) -> Step:
    return Step(
        sha=commit.sha,
        parents=commit.parents,
        author=commit.author_name,
        author_mail=commit.author_mail,
        committer=commit.committer_name,
        committer_mail=commit.committer_mail,
        at=commit.committed_at,
        message=commit.message,
    )


def _title(commit: CommitRow, landing: Landing) -> str:
    lines = [line.strip() for line in commit.message.split("\n") if line.strip()]
    if landing.head and len(lines) > 1:
        return lines[1]  # below "Merge pull request #N from …"
    return re.sub(r"\s*\(#\d+\)$", "", lines[0]) if lines else ""


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
