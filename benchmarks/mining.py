"""Threads a CPU-second read from a Gerrit clone's refs, and windows labelled from them.

    python -m benchmarks.mining PATH --until 2023-12-31 --rounds 5

Prints medians as JSON with machine and date. CPU time counts this process and the git processes
it waited for; wall time says little on a shared machine.
"""

import json
import os
import platform
import resource
import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from mining.examples import build_examples
from mining.repository import open_repository
from mining.sources.gerrit import Gerrit, read
from postil.records import Change
from postil.settings import MiningSettings


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--until", metavar="DATE", help="Only changes closed by then; UTC.")
@click.option("--rounds", default=5, show_default=True, help="The medians are over these.")
def measure(path: Path, until: str | None, rounds: int) -> None:
    """Read every review of a clone, then label every window, `rounds` times each."""
    last = datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None

    def fetch() -> list[Change]:
        source = Gerrit(str(path), None, None)
        return [read(payload.body) for payload in source.fetch(None, last)]

    changes = fetch()
    threads = sum(len(change.threads) for change in changes)
    repository = open_repository(path)

    def label() -> int:
        return len(build_examples(changes, repository, MiningSettings())[0])

    examples = label()
    reading = statistics.median(cpu_seconds(fetch) for _ in range(rounds))
    labelling = statistics.median(cpu_seconds(label) for _ in range(rounds))
    click.echo(
        json.dumps(
            {
                "date": f"{datetime.now(UTC):%Y-%m-%d}",
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "changes": len(changes),
                "threads": threads,
                "threads_per_cpu_s": round(threads / reading),
                "examples": examples,
                "examples_per_cpu_s": round(examples / labelling),
                "rounds": rounds,
            }
        )
    )


def cpu_seconds(work: Callable[[], object]) -> float:
    """User and system time of a call, children included."""
    before = _used()
    work()
    return _used() - before


def _used() -> float:
    """To the microsecond; `os.times` counts in hundredths of a second."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


if __name__ == "__main__":
    measure()
