"""Precision and recall of each signal and tier of acceptance against threads judged by hand.

    python -m benchmarks.acceptance --source gerrit:PATH --source archive:DIR --clone PATH ...

The verdicts are in labels/acceptance.jsonl: 156 threads drawn at random (seed 11) among those by
people in merged changes until 2023 (git-repo) and 2024 (secp256k1, and xarray from a bare clone),
each judged from the remark, the replies and what became of the lines: was it heeded? What cannot
be told is left out of the figures and counted. Every --source takes the --clone that follows it.
"""

import json
import platform
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from mining.acceptance import judge
from mining.commands import open_source
from mining.evidence import gather_evidence
from mining.repository import open_repository
from mining.revisions import Revisions
from postil.errors import PayloadError
from postil.records import Acceptance

LABELS = Path(__file__).parent / "labels/acceptance.jsonl"


@click.command()
@click.option("--source", "sources", multiple=True, required=True, metavar="KIND:WHERE")
@click.option("--clone", "clones", multiple=True, type=click.Path(path_type=Path))
@click.option("--repo", "repos", multiple=True, help="The name in the labels, one a source.")
def measure(sources: Sequence[str], clones: Sequence[Path], repos: Sequence[str]) -> None:
    """Judge the labelled threads of these sources and compare."""
    wanted = [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]
    judged: list[tuple[Acceptance, bool | None]] = []
    for source, clone, repo in zip(sources, clones, repos, strict=True):
        labels = {one["thread"]: one["heeded"] for one in wanted if one["repo"] == repo}
        found = judge_threads(source, clone, repo, set(labels))
        judged += [(acceptance, labels[thread]) for thread, acceptance in found.items()]
        click.echo(f"{repo}: {len(found)} of {len(labels)} labelled threads found", err=True)
    told = [(acceptance, heeded) for acceptance, heeded in judged if heeded is not None]
    rows: list[tuple[str, Callable[[Acceptance], bool]]] = [
        ("tier A", lambda a: a.tier == "A"),
        ("tier B", lambda a: a.tier == "B"),
        ("tier C", lambda a: a.tier == "C"),
        ("tier D", lambda a: a.tier == "D"),
        ("no tier", lambda a: a.tier is None),
        ("A or B", lambda a: a.tier in ("A", "B")),
        ("suggestion applied", lambda a: a.suggestion_applied is True),
        ("lines changed", lambda a: a.lines_changed is True),
        ("acknowledged", lambda a: a.acknowledged is True),
        ("resolved", lambda a: a.resolved is True),
    ]
    positives = sum(heeded for _, heeded in told)
    table = {}
    for name, picks in rows:
        here = [heeded for acceptance, heeded in told if picks(acceptance)]
        table[name] = {
            "threads": len(here),
            "precision": round(sum(here) / len(here), 2) if here else None,
            "recall": round(sum(here) / positives, 2),
        }
    verdicts = Counter(str(heeded) for _, heeded in judged)
    click.echo(
        json.dumps(
            {
                "date": f"{datetime.now(UTC):%Y-%m-%d}",
                "machine": platform.machine(),
                "heeded": verdicts["True"],
                "not heeded": verdicts["False"],
                "cannot be told": verdicts["None"],
                "table": table,
            },
            indent=1,
        )
    )


def judge_threads(source: str, clone: Path, repo: str, wanted: set[str]) -> dict[str, Acceptance]:
    """The acceptance of each wanted thread, by its id."""
    mined, read = open_source(source, clone, repo)
    found: dict[str, Acceptance] = {}
    with open_repository(clone) as repository:
        revisions = Revisions(repository)
        for payload in mined.fetch(None, None):
            try:
                change = read(payload.body)
            except PayloadError:
                continue
            for thread in change.threads:
                if thread.id in wanted:
                    evidence = gather_evidence(thread, change.pull, revisions)
                    found[thread.id] = judge(thread, change.pull, evidence)
    return found


if __name__ == "__main__":
    measure()
