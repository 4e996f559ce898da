"""`postil demo`: the whole of Postil on the sample team, from its history to a review, and a page.

The stages are those of real use, called as the commands call them: mine the archive, build pairs,
train, calibrate, publish, promote, review what nobody has seen. What was planted in the sample is
known, so the figures can be checked.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console

from bot.demo.exam import Item, Result, RuleReader, exam_items, mark_system
from bot.demo.page import Story, write_page
from bot.demo.pieces import read_content
from bot.demo.systems import Sat, baselines, sit_adapter, sit_base, sit_baseline
from bot.demo.team import Team, build_team
from bot.model.opening import open_model
from finetune.adapters import Registry
from finetune.base_model import BaseModel, find_base
from finetune.engines.local import LocalEngine
from finetune.making import Made, make_adapter, scoring_precision
from finetune.promotion import decide
from finetune.recall import INDEX_FILE, Recall
from finetune.training.progress import made_text, show_run, stages
from mining.built import Built
from mining.dataset import build_dataset
from mining.intake import Intake, take_in
from mining.sources.archive import Archive
from mining.sources.archive import read as read_archive
from mining.store import open_store
from mining.stored import read_stored
from postil.errors import UsageError
from postil.records import Pair
from postil.settings import Settings, parse_settings, postil_home

REPO = "tidewater/harbor"
SETTINGS = """
# The sample team's postil.toml: a small base, few pairs and short remarks on a CPU.
repo = "tidewater/harbor"

[mining]
min_words = 3
tiers = ["A", "B", "C"]
# What is unseen stands apart from the history here, so the history keeps no test part.
shares = [0.70, 0.08, 0.22, 0.0]
silences = 1.25
licence = "Apache-2.0"

[train]
learning_rate = 2e-3
epochs = 3
batch = 4
dropout = 0.0
evaluations = 1
patience = 5

[review]
mode = "comment"
min_precision = 0.7
"""
console = Console(stderr=True)


class Clock:
    """Wall and CPU seconds of each stage, child processes included."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, float, float]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        console.print(f"[bold]{name}[/bold]")
        wall, used = time.monotonic(), _cpu_seconds()
        yield
        spent = time.monotonic() - wall, _cpu_seconds() - used
        self.stages.append((name, *spent))
        console.print(f"  {spent[0]:.0f} s, {spent[1]:.0f} s of CPU")


def _cpu_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def run_demo(out: Path) -> None:
    """Mine, train, evaluate and review the sample team in `out`, which is made anew; a training
    that was interrupted there goes on."""
    out = out.resolve()
    _make_room(out)
    settings = parse_settings(SETTINGS, "the sample's postil.toml")
    home, clock = out / "home", Clock()
    with clock.stage("Building the sample team"):
        team = build_team(out / "team")
        (out / "team" / "postil.toml").write_text(SETTINGS, encoding="utf-8")
    with clock.stage("Mining its reviews and building pairs"):
        built = mine_and_build(team, settings, home)
    with clock.stage("Finding the base model"):
        base = find_base(settings.train.base, postil_home(os.environ))
    with clock.stage("Fine-tuning (QLoRA) and calibrating"):
        made = train_adapter(built.pairs, settings, base, home)
    console.print(made_text(made))
    with clock.stage("Reviewing unseen pull requests"):
        diffs = {p.number: _read_diff(team, p.diff) for p in team.truth.pulls}
        items = exam_items(team.truth, diffs, settings.mining.window_lines)
        sat, results, example = examine(made, base, settings, items, diffs, built.pairs)
    story = Story(
        built=built,
        made=made,
        items=tuple(items),
        sat=tuple(sat),
        results=tuple(results),
        example=example,
        diffs=diffs,
        stages=tuple(clock.stages),
        truth=team.truth,
    )
    page = write_page(story, out / "report.html")
    (out / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    click.echo(render_results(results))
    click.echo(f"\nreport: {page}")


def mine_and_build(team: Team, settings: Settings, home: Path) -> Built:
    """The archive into the store, and the store into pairs."""
    source = Archive(str(team.archive), team.repository, REPO)
    home.mkdir(parents=True, exist_ok=True)
    with open_store(f"sqlite:///{home / 'store.db'}") as store:
        where = f"archive:{team.archive}"
        take_in(store, source, read_archive, where, None, None, Intake(), lambda: None)
        stored = read_stored(store, REPO)
    folder = home / "datasets" / REPO
    with stored.repository() as repository:
        return build_dataset(stored.changes, repository, settings.mining, folder)


def train_adapter(pairs: tuple[Pair, ...], settings: Settings, base: BaseModel, home: Path) -> Made:
    """Train, publish, and promote to be watched: the exam is the demo's own proof."""
    registry = Registry(home)
    with stages() as progress:
        made = make_adapter(pairs, settings, base, registry, REPO, show_run, progress)
    registry.promote(REPO, made.folder, decide(home, REPO, made.folder, None, "shadow"))
    return made


def examine(
    made: Made,
    base: BaseModel,
    settings: Settings,
    items: list[Item],
    diffs: dict[int, str],
    pairs: tuple[Pair, ...],
) -> tuple[list[Sat], list[Result], int]:
    """Let every system sit the exam; also the pull request that shows most."""
    recall = Recall.read(made.folder / INDEX_FILE)
    home = postil_home(os.environ)
    with stages() as progress, open_model(made.folder, home, os.environ) as model:
        adapter, found = sit_adapter(model, items, diffs, settings.review, progress)
    engine = LocalEngine(
        base, None, precision=scoring_precision(settings), max_length=settings.train.max_length
    )
    with stages() as progress:
        sat = [adapter, sit_base(engine, items, pairs, recall, settings.review, progress)]
    del engine
    sat += [sit_baseline(one, items, pairs, recall, settings.review) for one in baselines()]
    reader = RuleReader(read_content().rules)
    results = [mark_system(one.name, one.note, items, one.answers, reader) for one in sat]
    example = max(found, key=lambda pull: (len(found[pull]), -pull))
    return sat, results, example


def render_results(results: list[Result]) -> str:
    """The marks as a plain table."""
    lines = ["unseen pull requests: right line (95 % intervals by pull request)"]
    heads = ("precision", "recall", "right rule", "silent if clean", "AUC")
    lines.append(" ".join([" " * 36, *(f"{head:>18}" for head in heads)]))
    for one in results:
        marks = (one.precision, one.recall, one.rule, one.silence, one.auc)
        cells = " ".join(f"{_show(mark.value, mark.low, mark.high):>18}" for mark in marks)
        lines.append(f"{one.name:36} {cells}")
    return "\n".join(lines)


def _show(value: float | None, low: float | None, high: float | None) -> str:
    return "-" if value is None else f"{value:.2f} ({low:.2f}-{high:.2f})"


def _make_room(out: Path) -> None:
    """An empty folder, but for a training that was interrupted: that goes on.

    Only a folder that an earlier demo made is emptied.
    """
    marker, begun = out / ".postil-demo", out / "home" / "runs"
    if out.exists() and any(out.iterdir()):
        if not marker.exists():
            raise UsageError(f"{out}: not empty and not made by a demo; name another with --out")
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as aside:
            kept = Path(aside) / "runs"
            if begun.exists():
                begun.rename(kept)
            shutil.rmtree(out)
            out.mkdir()
            marker.touch()
            if kept.exists():
                begun.parent.mkdir()
                kept.rename(begun)
    out.mkdir(parents=True, exist_ok=True)
    marker.touch()


def _read_diff(team: Team, name: str) -> str:
    return (team.unseen / name).read_text(encoding="utf-8")
