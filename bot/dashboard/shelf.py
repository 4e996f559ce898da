"""What the dashboard shows of adapters, and what may be done with them."""

from pathlib import Path
from typing import Literal

from finetune.adapters import CANDIDATE, PREVIOUS, Registry
from finetune.cards import load_card
from finetune.evaluation.kept import REPORT, evaluations_folder
from finetune.promotion import decide
from finetune.retraining.ledger import Ledger, Past, Run
from postil.errors import AdapterError, ConfigError
from postil.records import AdapterCard, Record

MOST_RUNS = 12


class Shown(Record, frozen=True, kw_only=True):
    """One adapter. `fault`: why it cannot be used; then there is no card."""

    name: str
    card: AdapterCard | None
    fault: str
    current: bool
    candidate: bool
    has_report: bool


class Shelf(Record, frozen=True, kw_only=True):
    """The adapters of one repository, newest first."""

    repo: str
    adapters: tuple[Shown, ...]
    may_roll_back: bool
    runs: tuple[Past, ...]
    """Retrainings, newest first."""
    under_way: Run | None


def list_repos(home: Path) -> list[str]:
    """Every repository with an adapter."""
    found = (home / "adapters").glob("*/*")
    return sorted(f"{p.parent.name}/{p.name}" for p in found if p.is_dir())


def look_at(home: Path, repo: str) -> Shelf:
    """Its adapters as they stand."""
    registry = Registry(home)
    try:
        live = registry.current(repo)
    except AdapterError:
        live = None
    ledger = Ledger(home, repo)
    tried = registry.folder(repo) / CANDIDATE
    candidate = tried.read_text().strip() if tried.exists() else ""
    shown = [_show(home, repo, folder, live, candidate) for folder in registry.list(repo)]
    try:
        runs, under_way = ledger.past(), ledger.run()
    except ConfigError:
        runs, under_way = (), None
    return Shelf(
        repo=repo,
        adapters=tuple(reversed(shown)),
        may_roll_back=(registry.folder(repo) / PREVIOUS).exists(),
        runs=tuple(reversed(runs))[:MOST_RUNS],
        under_way=under_way,
    )


def promote(home: Path, repo: str, name: str, way: str) -> str:
    """Let an adapter speak, or be watched; what was done. AdapterError where it may not."""
    registry = Registry(home)
    folder = registry.find(repo, name)
    if way not in ("", "shadow"):
        raise AdapterError(f"{way!r}: not a way to promote")
    how: Literal["shadow"] | None = "shadow" if way == "shadow" else None
    promotion = decide(home, repo, folder, registry.current(repo), how)
    registry.promote(repo, folder, promotion)
    return f"{repo}: {folder.name} is current" + (", watched only" if how else "")


def roll_back(home: Path, repo: str) -> str:
    """Go back to the adapter before; what was done."""
    return f"{repo}: {Registry(home).rollback(repo).name} is current"


def read_report(home: Path, repo: str, name: str) -> str | None:
    """The report of an adapter as it was written; None where there is none."""
    path = evaluations_folder(home, repo, Registry(home).find(repo, name).name) / REPORT
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _show(home: Path, repo: str, folder: Path, live: Path | None, candidate: str) -> Shown:
    try:
        card, fault = load_card(folder), ""
    except AdapterError as error:
        card, fault = None, str(error)
    return Shown(
        name=folder.name,
        card=card,
        fault=fault,
        current=folder == live,
        candidate=folder.name == candidate,
        has_report=(evaluations_folder(home, repo, folder.name) / REPORT).is_file(),
    )
