"""`postil dataset`: pairs from the store, tallies on stdout, progress on stderr."""

import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mining.commands import day_end, steps, store_url
from mining.export import SHAPES, export_line
from mining.split import SPLITS
from postil.errors import ConfigError, UsageError
from postil.options import home_option
from postil.records import Pair, read_jsonl
from postil.settings import MiningSettings, load_settings, postil_home

if TYPE_CHECKING:
    from mining.built import Built
    from mining.stored import Stored


repo_option = click.option(
    "--repo", metavar="OWNER/NAME", help="Which repository; default: repo in postil.toml."
)


@click.group()
def dataset() -> None:
    """Build, show, export and mend the pairs of a repository."""


@dataset.command()
@click.option(
    "--repo", metavar="OWNER/NAME", help="Which repository of the store; default: its only one."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for pairs.jsonl, Parquet files and the card; default: HOME/datasets/REPO.",
)
@click.option(
    "--until",
    metavar="DATE",
    callback=day_end,
    help="Only changes closed by the end of this date; UTC.",
)
@home_option
@click.option("--database-url", metavar="URL", envvar="POSTIL_DATABASE_URL", show_envvar=True)
def build(
    repo: str | None,
    out: Path | None,
    until: datetime | None,
    home: Path | None,
    database_url: str | None,
) -> None:
    """Label windows, split them by time, and write pairs with a card that tells how."""
    from mining.advice import advise
    from mining.card import tally_lines

    settings = load_settings(Path.cwd())
    home = home or postil_home(os.environ)
    stored = _read(database_url or store_url(home), repo or settings.repo or None, until)
    folder = out or home / "datasets" / stored.repo
    built = _build(stored, settings.mining, folder)
    click.echo("\n".join(tally_lines(built)))
    if stored.unreadable:
        click.echo(f"{stored.unreadable.total()} stored changes could not be read any more")
    click.echo(f"written to {folder}")
    if advice := advise(built.pairs):
        click.echo(advice, err=True)


@dataset.command()
@repo_option
@home_option
def card(repo: str | None, home: Path | None) -> None:
    """Print the card of a built dataset."""
    folder = built_folder(repo, home)
    click.echo((folder / "README.md").read_text(encoding="utf-8"), nl=False)


@dataset.command()
@click.option(
    "--format",
    "shape",
    type=click.Choice(tuple(SHAPES)),
    default="chat",
    show_default=True,
    help="Messages, prompt and completion, or one text with tags.",
)
@click.option(
    "--split", "part", type=click.Choice(SPLITS), help="Only this part; default: all of them."
)
@click.option("--out", type=click.Path(path_type=Path), help="A file; default: standard output.")
@repo_option
@home_option
def export(
    shape: str, part: str | None, out: Path | None, repo: str | None, home: Path | None
) -> None:
    """Write the pairs as other trainers read them, one JSON object a line."""
    pairs = read_jsonl(built_folder(repo, home) / "pairs.jsonl", Pair)
    lines = (export_line(pair, shape) for pair in pairs if part in (None, pair.split))
    if out is None:
        sys.stdout.buffer.writelines(lines)
        return
    aside = out.with_name(out.name + ".part")
    with aside.open("wb") as file:
        file.writelines(lines)
    aside.replace(out)


@dataset.command()
@click.option("--to", required=True, metavar="OWNER/NAME", help="The dataset on the hub.")
@click.option("--public", is_flag=True, help="Make a new one public; default: private.")
@repo_option
@home_option
def push(to: str, public: bool, repo: str | None, home: Path | None) -> None:
    """Upload the card and the Parquet files to a Hugging Face hub (HF_TOKEN, HF_ENDPOINT).

    The pairs hold your code and your reviewers' words. Nothing else ever leaves this machine.
    """
    from mining.hub import push_dataset

    folder = built_folder(repo, home)
    token = os.environ.get("HF_TOKEN", "")
    if not token:
        raise UsageError("set HF_TOKEN to a token that may write to the hub")
    endpoint = os.environ.get("HF_ENDPOINT")
    click.echo(f"pushed to {push_dataset(folder, to, token, public=public, endpoint=endpoint)}")


@dataset.command()
@click.option("--author", required=True, help="The account, as its remarks name it.")
@click.option("--undo", is_flag=True, help="Learn from them again.")
@click.option(
    "--repo", metavar="OWNER/NAME", help="Which repository of the store; default: its only one."
)
@home_option
@click.option("--database-url", metavar="URL", envvar="POSTIL_DATABASE_URL", show_envvar=True)
def forget(
    author: str, undo: bool, repo: str | None, home: Path | None, database_url: str | None
) -> None:
    """Never learn from what AUTHOR wrote; rebuild the dataset and list what fell out.

    The wish is kept in the store and outlives mining again. Adapters trained before still hold
    what they learned: train anew, and prune them.
    """
    from mining.store import open_store

    settings = load_settings(Path.cwd())
    home = home or postil_home(os.environ)
    url = database_url or store_url(home)
    name = _read(url, repo or settings.repo or None, None).repo
    with open_store(url) as store:
        if not undo:
            store.opt_out(name, author)
        elif not store.opt_in(name, author):
            raise UsageError(f"{author} had not opted out of {name}")
    folder = home / "datasets" / name
    file = folder / "pairs.jsonl"
    before = list(read_jsonl(file, Pair)) if file.exists() else []
    built = _build(_read(url, name, None), settings.mining, folder)
    click.echo("\n".join(fallen_lines(before, built.pairs, author)))
    click.echo(f"written to {folder}")


def fallen_lines(before: Sequence[Pair], after: Sequence[Pair], author: str) -> list[str]:
    """The remarks that are learned from no more, and how many windows changed beside them."""
    kept, known = {pair.id for pair in after}, {pair.id for pair in before}
    fell = [pair for pair in before if pair.id not in kept]
    mine = [pair for pair in fell if pair.author.casefold() == author.casefold()]
    return [
        f"{len(mine)} remarks by {author} fell out",
        *(f"  {pair.id} {pair.url}" for pair in mine),
        f"{len(fell) - len(mine)} other pairs fell out with them,"
        f" {len(after) - len(known & kept)} came in",
    ]


def built_folder(repo: str | None, home: Path | None) -> Path:
    """Where the dataset of a repository lies; ConfigError where none was built."""
    home = home or postil_home(os.environ)
    name = repo or load_settings(Path.cwd()).repo
    if not name:
        raise UsageError("say which dataset: --repo OWNER/NAME, or repo in postil.toml")
    folder = home / "datasets" / name
    if not (folder / "pairs.jsonl").exists():
        raise ConfigError(f"{folder}: no dataset: run `postil dataset build --repo {name}` first")
    return folder


def _read(url: str, repo: str | None, until: datetime | None) -> "Stored":
    from mining.store import open_store
    from mining.stored import read_stored

    with open_store(url) as store:
        return read_stored(store, repo, until=until)


def _build(stored: "Stored", settings: MiningSettings, folder: Path) -> "Built":
    """Label, split and write, without those who opted out."""
    from mining.dataset import build_dataset, write_parquet

    wished = stored.with_wishes(settings)
    labelling = steps(f"Labelling {stored.repo}", len(stored.changes))
    with stored.repository() as repository, labelling as step:
        built = build_dataset(stored.changes, repository, wished, folder, step, stored.decisions)
    write_parquet(built.pairs, folder)
    return built
