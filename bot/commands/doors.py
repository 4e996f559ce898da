"""The commands of the bot: `review`, the doors `serve` and `worker`, and first steps.

What is heavy to import (git, the host's client, the database) is imported once the options have
been read.
"""

import importlib
import os
from pathlib import Path
from typing import Any

import click
import msgspec

from bot.commands.review_command import review
from postil.errors import UsageError
from postil.options import config_option
from postil.settings import load_settings, postil_home

__all__ = ["doctor", "init", "review", "serve", "worker"]

SETTINGS_FILE = "postil.toml"


def __getattr__(name: str) -> Any:
    """`demo` is looked up only when it is called: it brings torch and all stages with it."""
    if name == "demo":
        return importlib.import_module("bot.demo.run").demo
    raise AttributeError(name)


@click.command()
@click.option("--host", help="Address to listen on; default: [server] host, 127.0.0.1.")
@click.option("--port", type=int, help="Port to listen on; default: [server] port, 8377.")
@click.option(
    "--setup", is_flag=True, help="Only /setup, to register a GitHub App; needs POSTIL_ADMIN_TOKEN."
)
@config_option
def serve(host: str | None, port: int | None, setup: bool, config: Path | None) -> None:
    """Receive webhooks, review what they announce, post."""
    from bot.reviewers import reviewer_factory
    from bot.server import serve as run_server
    from bot.server import serve_setup

    settings = load_settings(Path.cwd(), config)
    given = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    server = msgspec.structs.replace(settings.server, **given)
    settings = msgspec.structs.replace(settings, server=server)
    home = postil_home(os.environ)
    if setup:
        serve_setup(settings, home, os.environ)
        return
    factory = reviewer_factory(settings, home, os.environ)
    run_server(settings, home, os.environ, factory, config)


@click.command()
@click.option("--name", default="1", show_default=True, help="Tells workers apart; keep it.")
@config_option
def worker(name: str, config: Path | None) -> None:
    """Run reviews for a server on the same database."""
    from bot.reviewers import reviewer_factory
    from bot.server import run_worker

    settings = load_settings(Path.cwd(), config)
    home = postil_home(os.environ)
    factory = reviewer_factory(settings, home, os.environ)
    run_worker(settings, home, os.environ, factory, name)


@click.command()
@click.option("--force", is_flag=True, help="Write over a postil.toml that is there.")
def init(force: bool) -> None:
    """Look at the repository here and write a first postil.toml."""
    from bot.commands.first_settings import look_at, source_hint, write_settings

    looked = look_at(Path.cwd())
    path = Path(looked.work_tree) / SETTINGS_FILE
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force writes over it")
    path.write_text(write_settings(looked), encoding="utf-8")
    click.echo(f"wrote {path}")
    click.echo(f"next: {source_hint(looked)}")


@click.command()
@click.option("--online", is_flag=True, help="Ask GitHub too: the clock, and what we may do there.")
@config_option
def doctor(online: bool, config: Path | None) -> None:
    """Say what is missing here, and how to mend it."""
    from bot.operations.doctor import examine

    settings, home = load_settings(Path.cwd(), config), postil_home(os.environ)
    checks = list(examine(settings, home, os.environ))
    if online:
        from bot.operations.doctor_online import examine_online

        checks += examine_online(settings, home, os.environ)
    width = max(len(check.name) for check in checks)
    for check in checks:
        click.echo(f"{check.state:<8}{check.name:<{width}}  {check.found}")
        if check.mend:
            click.echo(f"{'':<8}{'':<{width}}  mend: {check.mend}")
    if any(check.state == "missing" for check in checks):
        raise click.exceptions.Exit(1)
