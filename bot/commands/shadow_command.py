"""`postil shadow`: what would have been said while nothing was posted, and how people decided."""

import os
from contextlib import closing
from pathlib import Path

import click
import msgspec

from bot.commands.review_command import origin
from postil.errors import UsageError
from postil.options import config_option
from postil.settings import load_settings, postil_home


@click.command()
@click.option("--repo", default="", metavar="OWNER/NAME", help="Default: that of the settings.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program.")
@config_option
def shadow(repo: str, as_json: bool, config: Path | None) -> None:
    """Say what would have been posted in shadow mode, and what people did there.

    Mine the repository again first: what people said is read from the store.
    """
    from bot.backtest.command import store_of
    from bot.backtest.stored import read_changes
    from bot.door.inbox import Inbox
    from bot.places import database_urls
    from bot.shadow import render_report, watch

    settings = load_settings(Path.cwd(), config)
    name = repo or settings.repo or origin()
    if not name:
        raise UsageError("which repository? give --repo owner/name, or set `repo` in postil.toml")
    home = postil_home(os.environ)
    with closing(Inbox(database_urls(home, os.environ)[0])) as inbox:
        drafts = inbox.unposted(name)
    changes = read_changes(store_of(home), name, settings.mining)
    report = watch(name, drafts, {number: one for (_, number), one in changes.items()})
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        click.echo(render_report(report))
