"""The miner beside what people write by hand, in one run, over the same data.

    python -m benchmarks.mining_peers --clone PATH --archive DIR --repo owner/name [--gerrit PATH]

Commits a second against PyDriller; threads a second and requests a pull request against a plain
PyGithub loop, both over one local server in a process of its own (a fake of ours, GraphQL and
REST over the same records); memory and time of `postil mine` at 10,000 and at 100,000 events. Both
sides of a comparison must give the same output, compared by hash. CPU seconds of the client,
children included; medians of --rounds, the two sides in turn. Needs `pip install pydriller`.
"""

import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import requests

from benchmarks import mining_loops as loops
from benchmarks.mining import cpu_seconds
from tests.mining.archive_builder import comment, pull, record

Rows = Iterable[tuple[object, ...]]


@click.command()
@click.option("--clone", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--archive", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--repo", required=True, help="owner/name of the archive.")
@click.option(
    "--gerrit",
    type=click.Path(path_type=Path, exists=True),
    help="A clone with refs/changes/*, for what became of commented lines.",
)
@click.option("--until", metavar="DATE", help="Only changes of --gerrit closed by then; UTC.")
@click.option("--pulls", default=200, show_default=True, help="Pull requests of the archive.")
@click.option("--rounds", default=3, show_default=True)
def measure(
    clone: Path,
    archive: Path,
    repo: str,
    gerrit: Path | None,
    until: str | None,
    pulls: int,
    rounds: int,
) -> None:
    """Run every comparison and print one JSON object."""
    last = datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None
    found: dict[str, object] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "rounds": rounds,
        "commits, their messages": side_by_side(
            lambda: loops.commits_of_ours(clone),
            lambda: loops.commits_of_pydriller(clone),
            rounds,
            lambda: loops.log_of_git(clone),
        ),
        "commits, their changed lines": side_by_side(
            lambda: loops.lines_of_ours(clone),
            lambda: loops.lines_of_pydriller(clone),
            rounds,
            lambda: loops.diffs_of_git(clone),
        ),
    }
    if gerrit:
        found |= fates(gerrit, last, rounds)
    with archive_of(archive, pulls) as folder, server(folder, repo) as address:
        found["threads"] = {
            **side_by_side(
                lambda: loops.threads_of_ours(address, repo),
                lambda: loops.threads_of_pygithub(address, repo),
                rounds,
            ),
            "requests a pull request": {
                "ours": asked(address, lambda: loops.threads_of_ours(address, repo)) / pulls,
                "theirs": asked(address, lambda: loops.threads_of_pygithub(address, repo)) / pulls,
            },
        }
    small, large = growth(10_000), growth(100_000)
    found["growth from 10,000 to 100,000 events"] = {
        "peak memory": round(large[0] / small[0], 2),
        "CPU time": round(large[1] / small[1], 2),
    }
    click.echo(json.dumps(found, indent=1))


def fates(gerrit: Path, until: datetime | None, rounds: int) -> dict[str, object]:
    """What became of commented lines, with the reading of the threads and without.

    Both sides are given the threads by our reader, since there is no other.
    """

    def fresh() -> Iterator[loops.OnOldLines]:
        return loops.threads_of_gerrit(gerrit, until)

    known = list(fresh())
    return {
        "threads read, and what became of their lines": side_by_side(
            lambda: loops.fates_of_ours(gerrit, fresh()),
            lambda: loops.fates_of_gitpython(gerrit, fresh()),
            rounds,
        ),
        "what became of lines of known threads": side_by_side(
            lambda: loops.fates_of_ours(gerrit, known),
            lambda: loops.fates_of_gitpython(gerrit, known),
            rounds,
        ),
    }


def side_by_side(
    ours: Callable[[], Rows],
    theirs: Callable[[], Rows],
    rounds: int,
    git_alone: Callable[[], None] | None = None,
) -> dict[str, object]:
    """How many times as fast ours is, once both were seen to give the same; rounds take turns.

    With `git_alone`, also how many times as fast ours could be if it took no time but git's.
    """
    rows = sorted(ours())
    same = digest(rows) == digest(sorted(theirs()))
    both = [
        (cpu_seconds(lambda: list(ours())), cpu_seconds(lambda: list(theirs())))
        for _ in range(rounds)
    ]
    mine, other = (statistics.median(one[side] for one in both) for side in (0, 1))
    found: dict[str, object] = {
        "rows": len(rows),
        "same output": same,
        "rows a CPU second": round(len(rows) / mine),
        "times as fast": round(other / mine, 1),
    }
    if git_alone:
        least = statistics.median(cpu_seconds(git_alone) for _ in range(rounds))
        found["times as fast if only git took time"] = round(other / least, 1)
    return found


def digest(rows: Rows) -> str:
    """One hash over all rows."""
    return hashlib.sha256(json.dumps(list(rows), default=str).encode()).hexdigest()


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
