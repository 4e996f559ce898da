"""`postil train | evaluate | adapters | retrain`: options in, results out, progress on stderr.

torch is imported once the options have been read.
"""

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from finetune.adapters import CURRENT, Registry, load_card
from finetune.progress import made_text, plan_text, show_run, stages
from postil.errors import ConfigError, UsageError
from postil.options import home_option
from postil.records import Pair
from postil.settings import Settings, load_settings, postil_home

if TYPE_CHECKING:
    from finetune.making import Made

repo_option = click.option(
    "--repo",
    metavar="OWNER/NAME",
    help="Whose adapter; default: repo in postil.toml, or the pairs'.",
)
pairs_option = click.option(
    "--pairs",
    type=click.Path(path_type=Path),
    metavar="FILE|FOLDER|OWNER/NAME[@REVISION]",
    help="Questions and answers as JSON, JSON lines or Parquet, or a dataset of the hub"
    " (docs/other-data.md); default: HOME/datasets/REPO/pairs.jsonl.",
)


@click.command()
@pairs_option
@repo_option
@click.option(
    "--mode", type=click.Choice(["qlora", "lora", "full"]), help="Default: train.mode, qlora."
)
@click.option("--base", metavar="MODEL", help="Default: train.base, the embedded model.")
@click.option("--epochs", type=float, help="Passes over the pairs; default: train.epochs, 3.")
@click.option("--dry-run", is_flag=True, help="Say what would be trained, and stop.")
@home_option
def train(
    pairs: Path | None,
    repo: str | None,
    mode: str | None,
    base: str | None,
    epochs: float | None,
    dry_run: bool,
    home: Path | None,
) -> None:
    """Fine-tune an adapter on pairs and put it into the registry. Promotes nothing."""
    settings = load_settings(Path.cwd())
    given = {"mode": mode, "base": base, "epochs": epochs}
    changed = {key: value for key, value in given.items() if value is not None}
    try:
        own = msgspec.structs.replace(settings.train, **changed)
    except ValueError as error:
        raise UsageError(str(error)) from error
    settings = msgspec.structs.replace(settings, train=own)
    where = home or postil_home(os.environ)
    from finetune.processor import prepare_processor

    prepare_processor()
    rows, name = read_pairs(pairs, repo or settings.repo, where)
    from finetune.base_model import find_base

    found = find_base(settings.train.base, where)
    if dry_run:
        from finetune.train import prepare

        click.echo(plan_text(prepare(rows, settings.train, found).plan))
        return
    made = make(rows, settings, found, Registry(where), name)
    click.echo(made_text(made))
    click.echo(f"promote it: postil adapters promote {made.folder.name} --repo {name}")


@click.command()
@click.argument("adapter", default="")
@pairs_option
@repo_option
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the figures here."
)
@click.option("--most", type=int, default=600, show_default=True, help="Silent test windows read.")
@home_option
def evaluate(
    adapter: str,
    pairs: Path | None,
    repo: str | None,
    json_file: Path | None,
    most: int,
    home: Path | None,
) -> None:
    """Measure ADAPTER (default: the promoted one) against its base on the test part."""
    settings = load_settings(Path.cwd())
    where = home or postil_home(os.environ)
    rows, name = read_pairs(pairs, repo or settings.repo, where)
    folder = choose_adapter(Registry(where), name, adapter)
    from rich.console import Console

    from finetune.proof import prove
    from finetune.report import render_evaluation
    from finetune.scorecard import encode_scorecard

    with stages() as progress:
        scorecard = prove(folder, rows, settings, where, progress, most_silences=most)
    if json_file:
        json_file.write_bytes(encode_scorecard(scorecard))
    Console(width=120).print(render_evaluation(scorecard))


@click.group()
def adapters() -> None:
    """List, show, promote and roll back the adapters of a repository."""


@adapters.command("list")
@repo_option
@home_option
def list_adapters(repo: str | None, home: Path | None) -> None:
    """Every adapter of a repository, oldest first; * marks the promoted one."""
    registry, name = Registry(home or postil_home(os.environ)), named(repo)
    current = registry.current(name)
    for folder in registry.list(name):
        card = load_card(folder)
        loss = card.metrics.get("held_out_loss", float("nan"))
        mark = "*" if folder == current else " "
        click.echo(
            f"{mark} {folder.name}  {card.created_at:%Y-%m-%d %H:%M}  {card.mode:5}"
            f"  {card.pairs} pairs  held-out loss {loss:.3f}"
        )


@adapters.command()
@click.argument("adapter", default="")
@repo_option
@home_option
def show(adapter: str, repo: str | None, home: Path | None) -> None:
    """The card of an adapter (default: the promoted one), as JSON."""
    registry, name = Registry(home or postil_home(os.environ)), named(repo)
    card = load_card(choose_adapter(registry, name, adapter))
    click.echo(msgspec.json.format(msgspec.json.encode(card)).decode())


@adapters.command()
@click.argument("adapter")
@repo_option
@home_option
def promote(adapter: str, repo: str | None, home: Path | None) -> None:
    """Let ADAPTER (its digest, or the start of it) review from now on."""
    registry, name = Registry(home or postil_home(os.environ)), named(repo)
    folder = registry.find(name, adapter)
    registry.promote(name, folder)
    click.echo(f"{name}: {folder.name} is {CURRENT}")


@adapters.command()
@repo_option
@home_option
def rollback(repo: str | None, home: Path | None) -> None:
    """Go back to the adapter that was promoted before."""
    registry, name = Registry(home or postil_home(os.environ)), named(repo)
    click.echo(f"{name}: {registry.rollback(name).name} is {CURRENT}")


@click.command()
@repo_option
@click.option("--dry-run", is_flag=True, help="Say what is new, and stop.")
@home_option
def retrain(repo: str | None, dry_run: bool, home: Path | None) -> None:
    """Mine what is new, train from the base, and promote only what beats the live adapter."""
    from finetune.processor import prepare_processor

    prepare_processor()
    from finetune.retrain import Retraining

    settings = load_settings(Path.cwd())
    where = home or postil_home(os.environ)
    run = Retraining(settings, where, os.environ, repo or settings.repo or None)
    click.echo(run.look() if dry_run else run.go(show_run, stages))


def read_pairs(pairs: Path | None, repo: str, home: Path) -> tuple[list[Pair], str]:
    """Pairs from anywhere, else from the repository's dataset; and the repository's name.

    What became of the rows of a source that was named is said on stderr.
    """
    if pairs is None and not repo:
        raise UsageError("say which pairs: --pairs FILE, or --repo OWNER/NAME of a built dataset")
    file = pairs or home / "datasets" / repo / "pairs.jsonl"
    if pairs is None and not file.exists():
        raise ConfigError(f"{file}: not there: run `postil dataset build --repo {repo}` first")
    from finetune.foreign_pairs import read_any_pairs

    rows = read_any_pairs(file, partial(click.echo, err=True) if pairs else None)
    return rows, repo or next((row.repo for row in rows if row.repo), source_name(file))


def source_name(source: Path) -> str:
    """What an adapter of a file, a folder or a hub dataset is called."""
    name = source.resolve().name.split(".")[0] if source.exists() else str(source).split("@")[0]
    return re.sub(r"[^\w./-]+", "-", name, flags=re.ASCII)


def named(repo: str | None) -> str:
    """The repository of an option or of postil.toml."""
    name = repo or load_settings(Path.cwd()).repo
    if not name:
        raise UsageError("say whose adapters: --repo OWNER/NAME, or repo in postil.toml")
    return name


def choose_adapter(registry: Registry, repo: str, adapter: str) -> Path:
    """By digest, else the promoted one, else the newest."""
    if adapter:
        return registry.find(repo, adapter)
    newest = list(registry.list(repo))
    found = registry.current(repo) or (newest[-1] if newest else None)
    if found is None:
        raise ConfigError(f"{repo}: no adapter yet: run `postil train --repo {repo}`")
    return found


def make(rows: list[Pair], settings: Settings, base: Any, registry: Registry, repo: str) -> "Made":
    """`make_adapter` with progress on stderr."""
    from finetune.making import make_adapter

    with stages() as progress:
        return make_adapter(rows, settings, base, registry, repo, show_run, progress)
