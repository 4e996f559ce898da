"""`postil explain`: why each window of a change was spoken about or passed over."""

import os
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.commands.pull_address import read_address
from bot.commands.review_command import (
    adapter_option,
    api_url_of,
    base_option,
    change_options,
    check_one,
    origin,
    read_local,
)
from postil.errors import AdapterError, UsageError
from postil.options import config_option
from postil.settings import Settings, load_settings, postil_home

if TYPE_CHECKING:
    from bot.explaining import Features
    from finetune.recall import Recall
    from postil.records import Window


@click.command()
@click.argument("where", metavar="[PATH[:LINE]]", default="")
@change_options
@adapter_option
@base_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program.")
def explain(
    where: str,
    diff: str | None,
    revisions: str | None,
    staged: bool,
    pr: str | None,
    adapter: str,
    base_model: str,
    config: Path | None,
    as_json: bool,
) -> None:
    """Say why windows of a change were spoken about or passed over; posts nothing.

    With PATH, of that file only; with LINE, the window that shows it.
    """
    from bot.explaining import Witness, holds, render_explained, render_json, shows
    from bot.explaining import explain as run
    from bot.model.opening import NO_ADAPTER, find_adapter, open_model
    from bot.model.remembering import read_voice
    from finetune.cards import load_card
    from postil.diff import parse_diff

    path, line = read_where(where)
    settings = load_settings(Path.cwd(), config)
    check_one(diff, revisions, staged, pr)
    newcomer = None
    if pr is None:
        repo, text = settings.repo or origin(), read_local(diff, revisions, staged)
    else:
        repo, text, newcomer = _read_pull(pr, settings, api_url_of(settings, config))
    files = parse_diff(text)
    if where and not shows(files, path, line):
        raise UsageError(f"{where}: this change does not show that")
    home = postil_home(os.environ)
    folder = find_adapter(home, repo, adapter)
    if folder is None:
        raise AdapterError(f"{repo or 'this folder'}: {NO_ADAPTER}, so nothing was read")
    voice = read_voice(folder, load_card(folder))
    with closing(open_model(folder, home, os.environ, base_model)) as model:
        features_of = partial(_features, voice.recall, newcomer)
        found, skipped = run(
            files, Witness(model), settings.review, voice.gate, features_of, newcomer
        )
    chosen = [one for one in found if holds(one.window, path, line)]
    skipped = {name: why for name, why in skipped.items() if path in ("", name)}
    if where and not chosen and not skipped:
        raise UsageError(f"{where}: no window of this change shows that")
    if as_json:
        click.echo(render_json(chosen, skipped))
        return
    for one in chosen:
        click.echo(render_explained(one, settings.review.max_comments))
    for name, why in skipped.items():
        click.echo(f"{name}: not read: {why}")


def read_where(where: str) -> tuple[str, int | None]:
    """A path, and the line after its last colon where there is one."""
    path, colon, line = where.rpartition(":")
    return (path, int(line)) if colon and line.isdecimal() else (where, None)


def _read_pull(pr: str, settings: Settings, api_url: str) -> tuple[str, str, bool | None]:
    """The repository and the diff of a pull request, and whether it is its author's first."""
    from bot.commands.pull_command import open_pulls
    from bot.door.signature import load_marker_key

    address = read_address(pr)
    key = load_marker_key(postil_home(os.environ))
    with closing(open_pulls(address, key, settings, api_url)) as pulls:
        newcomer = pulls.read_pull(address.number).newcomer
        return address.repo, pulls.read_diff(address.number), newcomer


def _features(
    recall: "Recall", newcomer: bool | None, window: "Window", score: float
) -> "Features":
    from bot.explaining import Features
    from bot.model.remembering import recalled
    from finetune.features import window_features
    from finetune.recall import SHOWN

    like = tuple(recalled(match) for match in recall.similar(window, None, SHOWN))
    lexicon = recall.lexicon
    words = tuple(lexicon.telling(window, newcomer=newcomer)) if lexicon else ()
    values = window_features(window, recall, None, score, newcomer)
    weighed = recall.prior.contributions(values) if recall.prior else {}
    return Features(values=values, like=like, words=words, weighed=weighed)
