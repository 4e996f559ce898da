"""`postil backtest`: options in, a summary on stdout, a page on disk, progress on stderr."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from finetune.adapter_commands import choose_adapter, repo_option
from finetune.adapters import Registry
from finetune.cards import load_card
from finetune.pair_source import pairs_option, read_pairs
from finetune.training.progress import stages
from mining.commands import store_url
from postil.options import home_option
from postil.settings import load_settings, postil_home

if TYPE_CHECKING:
    from bot.backtest.records import Backtest
    from bot.backtest.replay import CountTokens
    from postil.records import AdapterCard

PAGE = "backtest.html"


@click.command()
@click.argument("adapter", default="")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="How many pull requests: the newest of the test part.",
)
@pairs_option
@repo_option
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write everything here as well."
)
@click.option(
    "--html",
    "html_folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where the page goes; default: HOME/evaluations/REPO/ADAPTER.",
)
@home_option
def backtest(
    adapter: str,
    last: int,
    pairs: Path | None,
    repo: str | None,
    json_file: Path | None,
    html_folder: Path | None,
    home: Path | None,
) -> None:
    """Replay merged pull requests with ADAPTER (default: the promoted one) as if it were live.

    Says what would have been posted, where reviewers spoke, how far the two agree and what it
    would have cost; posts nothing. Stopped on the way, the same command goes on.
    """
    settings = load_settings(Path.cwd())
    where = home or postil_home(os.environ)
    rows, name = read_pairs(pairs, repo or settings.repo, where)
    folder = choose_adapter(Registry(where), name, adapter)
    card = load_card(folder)
    from bot.backtest.page import render_backtest
    from bot.backtest.run import backtest as run
    from bot.backtest.stored import read_changes
    from bot.model.opening import open_model
    from finetune.evaluation.kept import evaluations_folder

    kept = evaluations_folder(where, name, folder.name)
    kept.mkdir(parents=True, exist_ok=True)
    with open_model(folder, where, os.environ) as model, stages() as progress:
        found = run(
            rows,
            card,
            folder,
            model,
            settings.review,
            kept,
            token_counter(card, where),
            last=last,
            stored=read_changes(store_of(where), name, settings.mining),
            progress=progress,
            say=partial(click.echo, err=True),
        )
    if json_file:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    page = (html_folder or kept) / PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render_backtest(found), encoding="utf-8")
    click.echo(summary(found))
    click.echo(f"page: {page}")


def summary(found: "Backtest") -> str:
    """The figures in a few lines."""
    from finetune.evaluation.tables import render_interval

    totals, kinds = found.totals, found.totals.agreements
    return "\n".join(
        (
            f"{totals.pulls} pull requests, {totals.windows} windows, {totals.remarks} with an"
            f" accepted remark; intervals are 95 %, by pull request",
            f"{totals.comments} comments: {kinds['line']} on the reviewers' lines,"
            f" {kinds['window']} elsewhere in their windows, {kinds['alarm']} where they were"
            f" silent, {kinds['unclear']} unclear; {kinds['missed']} remarks missed",
            f"precision {render_interval(totals.precision)}, on the very line"
            f" {render_interval(totals.right_line)}, recall {render_interval(totals.recall)},"
            f" comments a pull request {render_interval(totals.comments_per_pull)}",
            f"{render_interval(totals.seconds_per_pull, 1)} s a pull request;"
            f" {totals.tokens.read:,} tokens read, {totals.tokens.written:,} written",
        )
    )


def token_counter(card: "AdapterCard", home: Path) -> "CountTokens":
    """Counts as the adapter's base reads; nothing is read where there is none."""
    if not card.has_weights:
        return lambda texts: 0
    from finetune.base_model import find_base
    from finetune.loaded_base import load_tokenizer

    tokenizer = load_tokenizer(find_base(card.base, home))

    def count(texts: Sequence[str]) -> int:
        return sum(len(tokenizer.encode(text, add_special_tokens=False)) for text in texts)

    return count


def store_of(home: Path) -> str | None:
    """The URL of the store; None where there is none, for none is made here."""
    url = os.environ.get("POSTIL_DATABASE_URL")
    return url or (store_url(home) if (home / "store.db").exists() else None)
