"""The loops that `benchmarks.mining_peers` compares: ours, and the same as people write it by hand.

Each yields rows that must be equal on both sides. The last ones are git alone, doing what ours asks
of it with nobody reading: no miner that has git do its work can be faster.
"""

import itertools
import os
import subprocess
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import git
from github import Auth, Github
from unidiff.patch import PatchSet

from mining.clients import Access
from mining.git_environment import DIFF_OPTIONS, isolated
from mining.objects import LOG_FORMAT, CommitRow
from mining.repository import open_repository
from mining.revisions import Revisions
from mining.sources.gerrit import Gerrit
from mining.sources.gerrit import read as read_gerrit
from mining.sources.github import GitHub, read
from postil.diff import parse_diff
from postil.records import ReviewThread
from tests.archive_server import TOKEN

OnOldLines = tuple[ReviewThread, str]

SOME = 500
"""Commits whose changed lines are read."""


def commits_of_ours(clone: Path) -> Iterator[tuple[object, ...]]:
    """Every commit that HEAD reaches."""
    with open_repository(clone) as repository:
        for row in repository.commits("HEAD"):
            yield row.sha, row.author_name, row.committed_at, row.message.strip()


def commits_of_pydriller(clone: Path) -> Iterator[tuple[object, ...]]:
    """The same by PyDriller."""
    from pydriller import Repository

    for commit in Repository(str(clone)).traverse_commits():
        at = int(commit.committer_date.timestamp())
        yield commit.hash, commit.author.name, at, commit.msg.strip()


def lines_of_ours(clone: Path) -> Iterator[tuple[object, ...]]:
    """How many lines of which file each of the last commits with one parent adds and removes."""
    with open_repository(clone) as repository:
        for row in some_commits(repository.commits("HEAD")):
            for file in parse_diff(repository.diff(row.parents[0], row.sha)):
                kinds = [line.kind for hunk in file.hunks for line in hunk.lines]
                added, removed = kinds.count("+"), kinds.count("-")
                if added or removed:
                    yield row.sha, file.path, added, removed


def some_commits(rows: Iterable[CommitRow]) -> list[CommitRow]:
    """The newest ones that are no merges."""
    return list(itertools.islice((row for row in rows if len(row.parents) == 1), SOME))


def lines_of_pydriller(clone: Path) -> Iterator[tuple[object, ...]]:
    """The same by PyDriller."""
    from pydriller import Repository

    with open_repository(clone) as repository:
        wanted = [row.sha for row in some_commits(repository.commits("HEAD"))]
    for commit in Repository(str(clone), only_commits=wanted).traverse_commits():
        for file in commit.modified_files:
            if file.added_lines or file.deleted_lines:
                path = file.new_path or file.old_path
                yield commit.hash, path, file.added_lines, file.deleted_lines


def threads_of_gerrit(gerrit: Path, until: datetime | None) -> Iterator[OnOldLines]:
    """Threads on lines of a revision that was not the last, and the last revision."""
    source = Gerrit(str(gerrit), None, None)
    with open_repository(gerrit) as repository:
        for payload in itertools.islice(source.fetch(None, until), 600):
            change = read_gerrit(payload.body)
            last = change.pull.revisions[-1].sha
            for thread in change.threads:
                known = repository.has(thread.revision) and repository.has(last)
                if known and thread.revision != last and thread.span.side == "RIGHT":
                    yield thread, last


def fates_of_ours(gerrit: Path, threads: Iterable[OnOldLines]) -> Iterator[tuple[object, ...]]:
    """Whether a line of each thread was removed before the end."""
    with open_repository(gerrit) as repository:
        revisions = Revisions(repository)
        for thread, last in threads:
            span = thread.span
            files = revisions.file_between(thread.revision, last, span.path) or ()
            lines = (
                line.old
                for file in files
                for hunk in file.hunks
                for line in hunk.lines
                if line.kind == "-"
            )
            removed = any(span.start <= number <= span.end for number in lines if number)
            yield thread.id, removed


def fates_of_gitpython(gerrit: Path, threads: Iterable[OnOldLines]) -> Iterator[tuple[object, ...]]:
    """The same as one writes it by hand: one `git diff` a thread, read by unidiff."""
    repository = git.Repo(gerrit)
    repository.git.update_environment(GIT_DIR=str(gerrit))
    for thread, last in threads:
        options = ("--no-color", "--no-ext-diff", "-M", "-U3")
        text = repository.git.diff(*options, thread.revision, last, strip_newline_in_stdout=False)
        span = thread.span
        removed = any(
            line.is_removed and span.start <= (line.source_line_no or 0) <= span.end
            for file in PatchSet(text)
            if file.source_file == f"a/{span.path}"
            for hunk in file
            for line in hunk
        )
        yield thread.id, removed


def threads_of_ours(address: str, repo: str) -> Iterator[tuple[object, ...]]:
    """Every comment of every thread: who said what where, and to which thread it belongs."""
    source = GitHub(f"{address}/{repo}", None, None, Access(github_token=TOKEN))
    for payload in source.fetch(None, None):
        for thread in read(payload.body).threads:
            place = (thread.pull, thread.id, thread.span.path)
            yield (*place, thread.author, thread.body)
            for reply in thread.replies:
                yield (*place, reply.author, reply.body)


def threads_of_pygithub(address: str, repo: str) -> Iterator[tuple[object, ...]]:
    """The same as one writes it by hand; commits and reviews are read as a thread needs them."""
    hub = Github(
        auth=Auth.Token(TOKEN),
        base_url=f"{address}/api/v3",
        per_page=100,
        seconds_between_requests=0,
    )
    for one in hub.get_repo(repo).get_pulls(state="all"):
        list(one.get_reviews())
        roots: dict[int, Any] = {}
        for said in sorted(one.get_review_comments(), key=lambda c: (c.created_at, c.id)):
            root = roots.setdefault(said.in_reply_to_id or said.id, said)
            if not root.diff_hunk.strip():
                continue  # on a whole file
            who = said.user.login if said.user else "ghost"
            yield one.number, str(root.id), root.path, who, said.body


def log_of_git(clone: Path) -> None:
    """`git log` of what `commits_of_ours` reads."""
    _run_git(clone, "log", "-z", f"--format={LOG_FORMAT}", "HEAD")


def diffs_of_git(clone: Path) -> None:
    """`git diff-tree` of the commits that `lines_of_ours` reads."""
    with open_repository(clone) as repository:
        rows = some_commits(repository.commits("HEAD"))
    pairs = "".join(f"{row.sha} {row.parents[0]}\n" for row in rows)
    _run_git(clone, "diff-tree", *DIFF_OPTIONS, asked=pairs)


def _run_git(clone: Path, *command: str, asked: str = "") -> None:
    with open_repository(clone) as repository:
        environment = isolated(repository.path)
    subprocess.run(
        ["git", *command],
        input=asked.encode(),
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        check=True,
    )
