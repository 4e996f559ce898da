"""`postil retrain`: options in, what happened out. torch is imported once they have been read."""

import os
from pathlib import Path

import click

from finetune.adapter_commands import repo_option
from finetune.commands import LAUNCHED
from finetune.training.progress import show_run, stages
from mining.commands import store_url
from postil.errors import UsageError
from postil.options import config_option, home_option
from postil.settings import load_settings, postil_home

NICE = 10


@click.command()
@repo_option
@click.option("--dry-run", is_flag=True, help="Say what it would do and cost, and stop.")
@click.option("--gently", is_flag=True, help="Give way to other work on this machine.")
@config_option
@home_option
def retrain(
    repo: str | None, dry_run: bool, gently: bool, config: Path | None, home: Path | None
) -> None:
    """Mine what is new, train from the base, and promote only what beats the live adapter.

    A run that was killed goes on where it was. Where nothing is new, or less than
    retrain.min_new, nothing is done.
    """
    if LAUNCHED in os.environ:
        raise UsageError("only `postil train` runs in several processes; start this one alone")
    if gently:
        os.nice(NICE)
    from finetune.processor import prepare_processor

    prepare_processor()
    settings = load_settings(Path.cwd(), config)
    where = home or postil_home(os.environ)
    url = os.environ.get("POSTIL_DATABASE_URL") or store_url(where)
    named = repo or settings.repo or None
    if dry_run:
        from finetune.retraining.look import look

        click.echo(look(settings, where, url, named))
        return
    from finetune.retraining.run import Retraining

    click.echo(Retraining(settings, where, url, named).go(show_run, stages))
