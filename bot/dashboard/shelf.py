"""What the dashboard shows of adapters, and what may be done with them."""

from pathlib import Path
from typing import Literal

from finetune.adapters import PREVIOUS, Registry, load_card
from finetune.evaluation.kept import REPORT, evaluations_folder
from finetune.promotion import decide
from postil.errors import AdapterError
from postil.records import AdapterCard, Record


class Shown(Record, frozen=True, kw_only=True):
    """One adapter. `fault`: why it cannot be used; then there is no card."""

    name: str
    card: AdapterCard | None
    fault: str
    current: bool
    has_report: bool


class Shelf(Record, frozen=True, kw_only=True):
    """The adapters of one repository, newest first."""

    repo: str
    adapters: tuple[Shown, ...]
    may_roll_back: bool


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
    shown = [_show(home, repo, folder, live) for folder in registry.list(repo)]
    return Shelf(
        repo=repo,
        adapters=tuple(reversed(shown)),
        may_roll_back=(registry.folder(repo) / PREVIOUS).exists(),
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


def _show(home: Path, repo: str, folder: Path, live: Path | None) -> Shown:
    try:
        card, fault = load_card(folder), ""
    except AdapterError as error:
        card, fault = None, str(error)
    return Shown(
        name=folder.name,
        card=card,
        fault=fault,
        current=folder == live,
        has_report=(evaluations_folder(home, repo, folder.name) / REPORT).is_file(),
    )
