"""What mining one per cent of new reviews costs, as a share of the first mining.

    python -m benchmarks.incremental --archive DIR --repo owner/name [--pulls 300]
    python -m benchmarks.incremental --gerrit CLONE --until 2023-12-31

`--archive` holds pulls/*.json as github-metadata-backup writes them; they are served by a fake
GitHub of ours, the newest per cent only after the first mining. `--gerrit` is a clone with
refs/changes/*. CPU-seconds of `postil mine`'s own work, children included; requests as the server
counted them.
"""

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import requests

from benchmarks.mining import cpu_seconds
from benchmarks.mining_peers import archive_of, server
from mining.clients import Access
from mining.intake import Intake, take_in
from mining.sources import RawPayload, Source
from mining.sources import gerrit as gerrit_source
from mining.sources import github as github_source
from mining.store import Store, open_store
from tests.archive_server import TOKEN

NEW = 0.01


@click.command()
@click.option("--archive", type=click.Path(path_type=Path, exists=True))
@click.option("--repo", default="", help="owner/name of the archive.")
@click.option("--pulls", default=300, show_default=True, help="Pull requests of the archive.")
@click.option("--gerrit", type=click.Path(path_type=Path, exists=True))
@click.option("--until", metavar="DATE", help="Only changes of --gerrit closed by then; UTC.")
def measure(
    archive: Path | None, repo: str, pulls: int, gerrit: Path | None, until: str | None
) -> None:
    """Mine all but the newest, then the newest, then nothing; print one JSON object."""
    found: dict[str, object] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    with tempfile.TemporaryDirectory() as home:
        if archive:
            with open_store(f"sqlite:///{home}/github.db") as store:
                found["github"] = _github(store, archive, repo, pulls)
        if gerrit:
            last = datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None
            with open_store(f"sqlite:///{home}/gerrit.db") as store:
                found["gerrit"] = _gerrit(store, gerrit, last)
    click.echo(json.dumps(found, indent=1))


def _github(store: Store, archive: Path, repo: str, pulls: int) -> dict[str, object]:
    with archive_of(archive, pulls) as folder:
        files = sorted(folder.glob("*.json"), key=_moved)
        held_back = files[-max(1, round(NEW * len(files))) :]
        with tempfile.TemporaryDirectory() as aside:
            for file in held_back:
                shutil.move(file, aside)
            runs = [_asked(store, folder, repo)]
            for file in Path(aside).glob("*.json"):
                shutil.move(file, folder)
        runs += [_asked(store, folder, repo) for _ in range(2)]
    return _told(runs, len(files), len(held_back))


def _moved(file: Path) -> str:
    return str(json.loads(file.read_bytes())["pull"]["updated_at"])


def _asked(store: Store, folder: Path, repo: str) -> dict[str, float]:
    with server(folder, repo) as address:
        before = requests.get(f"{address}/requests", timeout=10).json()["requests"]
        access = Access(github_token=TOKEN)

        def mine() -> None:
            source = github_source.GitHub(f"{address}/{repo}", None, repo, access, lambda _: None)
            _take(store, source, github_source)

        spent = cpu_seconds(mine)
        after = requests.get(f"{address}/requests", timeout=10).json()["requests"]
    return {"requests": float(after - before - 1), "cpu_s": round(spent, 3)}


class Allowed(gerrit_source.Gerrit):
    """A clone of which only some changes are there yet."""

    numbers: frozenset[int] = frozenset()

    def only(self, numbers: frozenset[int]) -> "Allowed":
        self._changes = [one for one in self._changes if one.number in numbers]
        return self


def _gerrit(store: Store, clone: Path, until: datetime | None) -> dict[str, object]:
    payloads = list(_dated(gerrit_source.Gerrit(str(clone), None, None), until))
    payloads.sort(key=lambda one: one.moved or datetime.min.replace(tzinfo=UTC))
    numbers = [int(one.key) for one in payloads]
    new = max(1, round(NEW * len(numbers)))
    runs = []
    for known in (numbers[:-new], numbers, numbers):

        def mine(known: list[int] = known) -> None:
            source = Allowed(str(clone), None, None).only(frozenset(known))
            _take(store, source, gerrit_source)

        runs.append({"cpu_s": round(cpu_seconds(mine), 3)})
    return _told(runs, len(numbers), new)


def _dated(source: Source, until: datetime | None) -> Iterator[RawPayload]:
    """Those that had closed by then, without their bodies."""
    for payload in source.fetch(None, until):
        yield payload._replace(body=b"")


def _take(store: Store, source: Source, room: object) -> None:
    read = getattr(room, "read")  # noqa: B009 - of a module
    take_in(store, source, read, "kind:where", None, None, Intake(), lambda: None)


def _told(runs: list[dict[str, float]], all_of_them: int, new: int) -> dict[str, object]:
    first, more, none = runs
    return {
        "changes": all_of_them,
        "new": new,
        "first": first,
        "then the new ones": more,
        "then nothing new": none,
        "share of the first": {name: round(more[name] / first[name], 4) for name in first},
        "share where nothing is new": {name: round(none[name] / first[name], 4) for name in first},
    }


if __name__ == "__main__":
    measure()
