"""`postil stats`: how often what was said was acted on, and by `--refresh` what came since."""

import os
from contextlib import closing
from pathlib import Path

import click
import msgspec

from bot.commands.review_command import origin
from postil.errors import AdapterError, UsageError
from postil.options import config_option
from postil.settings import load_settings, postil_home

ACTION_ACCOUNT = "github-actions[bot]"
"""Whose token a workflow gets."""


@click.command()
@click.option("--repo", default="", metavar="OWNER/NAME", help="Default: that of the settings.")
@click.option("--refresh", is_flag=True, help="Ask the host first what became of our remarks.")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    help="With --refresh: pull requests that moved in so many days.",
)
@click.option(
    "--action", is_flag=True, help="With --refresh: what the Action posted, not a server or you."
)
@click.option("--json", "as_json", is_flag=True, help="Everything, for a program.")
@config_option
def stats(
    repo: str, refresh: bool, days: int, action: bool, as_json: bool, config: Path | None
) -> None:
    """Say how often our remarks were acted on, beside those of people.

    A server judges every pull request as it is closed; where there is none, --refresh does.
    """
    from bot.action.job import marker_key
    from bot.door.inbox import Inbox
    from bot.door.signature import load_marker_key
    from bot.outcomes.alarms import Alarms
    from bot.outcomes.book import Book
    from bot.outcomes.page import render_stats
    from bot.outcomes.rates import add_up
    from bot.outcomes.refresh import refresh as ask_host
    from bot.outcomes.shelf import read_tuning
    from bot.outcomes.tuned import UNTUNED
    from bot.places import database_urls
    from finetune.adapters import Registry

    settings = load_settings(Path.cwd(), config)
    name = repo or settings.repo or origin()
    if not name:
        raise UsageError("which repository? give --repo owner/name, or set `repo` in postil.toml")
    home = postil_home(os.environ)
    with closing(Inbox(database_urls(home, os.environ)[0])) as inbox:
        if refresh:
            key = marker_key(os.environ, name) if action else load_marker_key(home)
            if action and not settings.server.account:
                server = msgspec.structs.replace(settings.server, account=ACTION_ACCOUNT)
                settings = msgspec.structs.replace(settings, server=server)
            for line in ask_host(inbox, settings, home, os.environ, name, days, key):
                click.echo(line, err=True)
        found = add_up(Book(inbox.database).outcomes(name))
        alarms = Alarms(inbox.database)
        standing, falls = alarms.standing(name), alarms.falls(name)
    tuning = UNTUNED
    try:
        live = Registry(home).current(name)
        tuning = read_tuning(home, name, live.name) if live else UNTUNED
    except AdapterError as error:
        click.echo(f"postil: {error}", err=True)
    if as_json:
        follows = {"tuning": tuning, "drift": standing, "falls": falls}
        told = {"schema": 1, "repo": name, **msgspec.structs.asdict(found), **follows}
        click.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        click.echo(render_stats(name, found, tuning, standing, falls))
