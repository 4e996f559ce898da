"""`postil train | evaluate | retrain`: options in, results out, progress on stderr.

torch is imported once the options have been read.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from finetune.adapter_commands import choose_adapter, repo_option
from finetune.adapters import Registry
from finetune.progress import made_text, plan_text, show_run, stages
from postil.errors import ConfigError, UsageError
from postil.options import home_option
from postil.records import Pair
from postil.settings import Settings, load_settings, postil_home

if TYPE_CHECKING:
    from finetune.making import Made

pairs_option = click.option(
    "--pairs",
    type=click.Path(path_type=Path),
    help="JSONL with instruction and response; default: HOME/datasets/REPO/pairs.jsonl.",
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
    rows, name = read_pairs(pairs, repo or settings.repo, where)
    from finetune.processor import prepare_processor

    prepare_processor()
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
    """Pairs from a file, else from the repository's dataset; and the repository's name.

    A file from elsewhere may carry nothing but `instruction` and `response`.
    """
    if pairs is None and not repo:
        raise UsageError("say which pairs: --pairs FILE, or --repo OWNER/NAME of a built dataset")
    file = pairs or home / "datasets" / repo / "pairs.jsonl"
    if pairs is None and not file.exists():
        raise ConfigError(f"{file}: not there: run `postil dataset build --repo {repo}` first")
    from finetune.foreign_pairs import read_any_pairs

    rows = read_any_pairs(file)
    return rows, repo or next((row.repo for row in rows if row.repo), file.stem)


def make(rows: list[Pair], settings: Settings, base: Any, registry: Registry, repo: str) -> "Made":
    """`make_adapter` with progress on stderr."""
    from finetune.making import make_adapter

    with stages() as progress:
        return make_adapter(rows, settings, base, registry, repo, show_run, progress)
