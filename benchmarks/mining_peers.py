"""The miner beside what people write by hand, in one run, over the same data.

    python -m benchmarks.mining_peers --clone PATH --archive DIR --repo owner/name [--gerrit PATH]

Commits a second against PyDriller; threads a second and requests a pull request against a plain
PyGithub loop, both over one local server in a process of its own (a fake of ours, GraphQL and
REST over the same records); memory and time of `postil mine` at 10,000 and at 100,000 events. Both
sides of a comparison must give the same output, compared by hash. CPU seconds of the client,
children included; medians of --rounds. Needs `pip install pydriller`.
"""

import hashlib
import itertools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import git
import requests
from github import Auth, Github
from unidiff.patch import PatchSet

from benchmarks.mining import cpu_seconds
from mining.clients import Access
from mining.objects import CommitRow
from mining.repository import open_repository
from mining.revisions import Revisions
from mining.sources.gerrit import Gerrit
from mining.sources.gerrit import read as read_gerrit
from mining.sources.github import GitHub, read
from postil.diff import parse_diff
from postil.records import ReviewThread
from tests.archive_server import TOKEN
from tests.mining.archive_builder import comment, pull, record

Rows = Iterable[tuple[object, ...]]

SOME = 500
"""Commits whose changed lines are read."""


@click.command()
@click.option("--clone", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--archive", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--repo", required=True, help="owner/name of the archive.")
@click.option(
    "--gerrit",
    type=click.Path(path_type=Path, exists=True),
    help="A clone with refs/changes/*, for what became of commented lines.",
)
@click.option("--pulls", default=200, show_default=True, help="Pull requests of the archive.")
@click.option("--rounds", default=3, show_default=True)
def measure(
    clone: Path, archive: Path, repo: str, gerrit: Path | None, pulls: int, rounds: int
) -> None:
    """Run every comparison and print one JSON object."""
    found: dict[str, object] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "rounds": rounds,
        "commits, their messages": side_by_side(
            lambda: commits_of_ours(clone), lambda: commits_of_pydriller(clone), rounds
        ),
        "commits, their changed lines": side_by_side(
            lambda: lines_of_ours(clone), lambda: lines_of_pydriller(clone), 1
        ),
    }
    if gerrit:
        found["threads, what became of their lines"] = side_by_side(
            lambda: fates_of_ours(gerrit), lambda: fates_of_gitpython(gerrit), 1
        )
    with archive_of(archive, pulls) as folder, server(folder, repo) as address:
        found["threads"] = {
            **side_by_side(
                lambda: threads_of_ours(address, repo),
                lambda: threads_of_pygithub(address, repo),
                rounds,
            ),
            "requests a pull request": {
                "ours": asked(address, lambda: threads_of_ours(address, repo)) / pulls,
                "theirs": asked(address, lambda: threads_of_pygithub(address, repo)) / pulls,
            },
        }
    small, large = growth(10_000), growth(100_000)
    found["growth from 10,000 to 100,000 events"] = {
        "peak memory": round(large[0] / small[0], 2),
        "CPU time": round(large[1] / small[1], 2),
    }
    click.echo(json.dumps(found, indent=1))


def side_by_side(
    ours: Callable[[], Rows], theirs: Callable[[], Rows], rounds: int
) -> dict[str, object]:
    """How many times as fast ours is, once both were seen to give the same."""
    rows = sorted(ours())
    same = digest(rows) == digest(sorted(theirs()))
    mine = statistics.median(cpu_seconds(lambda: list(ours())) for _ in range(rounds))
    other = statistics.median(cpu_seconds(lambda: list(theirs())) for _ in range(rounds))
    return {
        "rows": len(rows),
        "same output": same,
        "rows a CPU second": round(len(rows) / mine),
        "times as fast": round(other / mine, 1),
    }


def digest(rows: Rows) -> str:
    """One hash over all rows."""
    return hashlib.sha256(json.dumps(list(rows), default=str).encode()).hexdigest()


def commits_of_ours(clone: Path) -> Iterator[tuple[object, ...]]:
    """Every commit that HEAD reaches."""
    with open_repository(clone) as repository:
        known = {row.sha: row for row in repository.commits()}
        waiting, seen = [repository.tip()], set()
        while waiting:
            sha = waiting.pop()
            if sha is None or sha in seen:
                continue
            seen.add(sha)
            row = known[sha]
            waiting += row.parents
            yield sha, row.author_name, row.committed_at, row.message.strip()


def commits_of_pydriller(clone: Path) -> Iterator[tuple[object, ...]]:
    """The same by PyDriller."""
    from pydriller import Repository

    for commit in Repository(str(clone)).traverse_commits():
        at = int(commit.committer_date.timestamp())
        yield commit.hash, commit.author.name, at, commit.msg.strip()


def lines_of_ours(clone: Path) -> Iterator[tuple[object, ...]]:
    """How many lines of which file each of the last commits with one parent adds and removes."""
    with open_repository(clone) as repository:
        for row in some_commits(repository.commits()):
            for file in parse_diff(repository.diff(row.parents[0], row.sha)):
                kinds = Counter(line.kind for hunk in file.hunks for line in hunk.lines)
                if kinds["+"] or kinds["-"]:
                    yield row.sha, file.path, kinds["+"], kinds["-"]


def some_commits(rows: Iterable[CommitRow]) -> list[CommitRow]:
    """The newest ones that are no merges."""
    return [row for row in rows if len(row.parents) == 1][:SOME]


def lines_of_pydriller(clone: Path) -> Iterator[tuple[object, ...]]:
    """The same by PyDriller."""
    from pydriller import Repository

    with open_repository(clone) as repository:
        wanted = [row.sha for row in some_commits(repository.commits())]
    for commit in Repository(str(clone), only_commits=wanted).traverse_commits():
        for file in commit.modified_files:
            if file.added_lines or file.deleted_lines:
                path = file.new_path or file.old_path
                yield commit.hash, path, file.added_lines, file.deleted_lines


def fates(gerrit: Path) -> Iterator[tuple[ReviewThread, str]]:
    """Threads on lines of a revision that was not the last, and the last revision."""
    source = Gerrit(str(gerrit), None, None)
    with open_repository(gerrit) as repository:
        for payload in itertools.islice(source.fetch(None, None), 600):
            change = read_gerrit(payload.body)
            last = change.pull.revisions[-1].sha
            for thread in change.threads:
                known = repository.has(thread.revision) and repository.has(last)
                if known and thread.revision != last and thread.span.side == "RIGHT":
                    yield thread, last


def fates_of_ours(gerrit: Path) -> Iterator[tuple[object, ...]]:
    """Whether a line of each thread was removed before the end."""
    with open_repository(gerrit) as repository:
        revisions = Revisions(repository)
        for thread, last in fates(gerrit):
            span = thread.span
            files = revisions.between(thread.revision, last) or ()
            lines = (
                line.old
                for file in files
                if file.old_path == span.path
                for hunk in file.hunks
                for line in hunk.lines
                if line.kind == "-"
            )
            removed = any(span.start <= number <= span.end for number in lines if number)
            yield thread.id, removed


def fates_of_gitpython(gerrit: Path) -> Iterator[tuple[object, ...]]:
    """The same as one writes it by hand: one `git diff` a thread, read by unidiff."""
    repository = git.Repo(gerrit)
    repository.git.update_environment(GIT_DIR=str(gerrit))
    for thread, last in fates(gerrit):
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


@contextmanager
def archive_of(archive: Path, pulls: int) -> Iterator[Path]:
    """Some of an archive's pull requests, those with the most comments first."""
    files = sorted(archive.glob("pulls/*.json"), key=lambda file: -file.stat().st_size)
    whole = [file for file in files if _in_order(json.loads(file.read_bytes()))][:pulls]
    with tempfile.TemporaryDirectory() as name:
        for file in whole:
            shutil.copy(file, name)
        yield Path(name)


def _in_order(record: dict[str, Any]) -> bool:
    """Whether every reply has what it answers, as on a live server."""
    known = {one["id"] for one in record["comments"]}
    return all(one.get("in_reply_to_id") in (known | {None}) for one in record["comments"])


@contextmanager
def server(folder: Path, repo: str) -> Iterator[str]:
    """The fake GitHub in a process of its own."""
    line = ["-m", "tests.archive_server", "--port", "0", "--data", str(folder), "--repo", repo]
    process = subprocess.Popen([sys.executable, *line], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)


def asked(address: str, work: Callable[[], Rows]) -> float:
    """How many requests a call takes."""
    before = requests.get(f"{address}/requests", timeout=10).json()["requests"]
    list(work())
    after = requests.get(f"{address}/requests", timeout=10).json()["requests"]
    return float(after - before - 1)


def growth(events: int) -> tuple[float, float]:
    """Peak memory and CPU seconds of `postil mine` over an archive of so many comments."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "pulls"
        folder.mkdir()
        for number in range(1, events // 10 + 1):
            said = [comment(number * 100 + n) for n in range(10)]
            body = json.dumps(record(pull=pull(number), comments=said))
            (folder / f"{number}.json").write_text(body, encoding="utf-8")
        line = ["mine", "--source", f"archive:{name}", "--home", f"{name}/home"]
        child = "import sys; from postil.cli import main; sys.argv[0] = 'postil'; main()"
        start = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", child, *line],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, f"mine failed after {time.monotonic() - start:.0f} s"
        return float(used.ru_maxrss), used.ru_utime + used.ru_stime


if __name__ == "__main__":
    measure()
