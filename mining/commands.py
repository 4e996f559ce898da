"""`postil mine`: options in, tallies out on stdout, progress on stderr.

What is heavy to import (git, the database) is imported once the options have been read.
"""

import contextlib
import importlib
import os
from collections.abc import Callable, Iterator, Sized
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mining.sources import KINDS, ONLINE
from postil.errors import UsageError
from postil.options import home_option
from postil.settings import load_settings, postil_home

if TYPE_CHECKING:
    from mining.intake import Intake
    from mining.sources import Read, Source
    from mining.store import SaveTally


def day_start(context: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    """Read the option's date; a day alone means its beginning, in UTC."""
    return _moment(text, timedelta())


def day_end(context: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    """Read the option's date; a day alone means its end, in UTC."""
    return _moment(text, timedelta(days=1, microseconds=-1))


def _moment(text: str | None, into_the_day: timedelta) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no date like 2023-12-31") from error
    if "T" not in text and " " not in text:
        moment += into_the_day
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command()
@click.option(
    "--source",
    required=True,
    metavar="KIND:WHERE",
    help="gerrit:PATH is a clone with refs/changes/* (gerrit:URL is cloned into --clone); "
    "history:PATH is a bare or plain clone and nothing else; "
    "archive:DIR holds raw GitHub objects as github-metadata-backup writes them; "
    "github:OWNER/NAME (or github:URL, for Enterprise) asks the API, signed in with GITHUB_TOKEN "
    "or POSTIL_APP_ID and POSTIL_PRIVATE_KEY_FILE; "
    "forgejo:URL asks a Forgejo, signed in with FORGEJO_TOKEN.",
)
@click.option(
    "--clone",
    type=click.Path(path_type=Path),
    help="A clone of the code, for sources that hold none; github and forgejo fetch the heads of "
    "all pull requests into it.",
)
@click.option("--repo", metavar="OWNER/NAME", help="The repository; default: what the source says.")
@click.option(
    "--since",
    metavar="DATE",
    callback=day_start,
    help="Only changes that anybody touched on this date or later; UTC.",
)
@click.option(
    "--until",
    metavar="DATE",
    callback=day_end,
    help="Only changes that closed (open ones: last moved) by the end of this date; UTC. "
    "gerrit gives them as they stood then.",
)
@home_option
@click.option(
    "--database-url",
    metavar="URL",
    envvar="POSTIL_DATABASE_URL",
    show_envvar=True,
    help="SQLite or Postgres; default: store.db in the home folder.",
)
def mine(
    source: str,
    clone: Path | None,
    repo: str | None,
    since: datetime | None,
    until: datetime | None,
    home: Path | None,
    database_url: str | None,
) -> None:
    """Fetch review history into the store.

    What is fetched is kept verbatim; running it again adds what is new. Ctrl-C loses nothing
    that had been fetched. Ends with tallies of what came in and what was left out, by reason.
    """
    from mining.intake import Intake, take_in
    from mining.repository import without_password
    from mining.store import open_store

    if since and until and since > until:
        raise UsageError("--since is later than --until")
    started = _cpu_seconds()
    home = home or postil_home(os.environ)
    mined, read = open_source(source, clone, repo or load_settings(Path.cwd()).repo or None, home)
    url = database_url or store_url(home)
    intake = Intake()
    where = without_password(source)
    size = len(mined) if isinstance(mined, Sized) else None
    with open_store(url) as store, steps(f"Mining {mined.repo}", size) as step:
        try:
            saved = take_in(store, mined, read, where, since, until, intake, step)
        except KeyboardInterrupt:
            click.echo("postil: what was fetched is stored; the same command goes on", err=True)
            raise
    click.echo(render_tally(mined.repo, intake, saved, _cpu_seconds() - started))


def open_source(
    text: str, clone: Path | None, repo: str | None, home: Path | None = None
) -> "tuple[Source, Read]":
    """Open KIND:WHERE; UsageError names the kinds there are. An App of `/setup` is in `home`."""
    kind, colon, where = text.partition(":")
    if not colon or not where or kind not in KINDS:
        known = ", ".join(KINDS)
        what = f"unknown kind of source {kind!r}" if colon else f"--source {text!r}: no kind"
        raise UsageError(f"{what}; write KIND:WHERE, kinds: {known}")
    module, _, name = KINDS[kind].partition(":")
    room = importlib.import_module(module)
    make: Callable[..., Source] = getattr(room, name)
    read: Read = room.read
    if kind not in ONLINE:
        return make(where, clone, repo), read
    from mining.clients import Access

    return make(where, clone, repo, Access.from_environment(os.environ, home), notice), read


def notice(text: str) -> None:
    """Tell of a wait, or of another way taken, on stderr."""
    click.echo(f"postil: {text}", err=True)


def store_url(home: Path) -> str:
    """The URL of the SQLite store in a home folder."""
    return f"sqlite:///{home.expanduser().resolve() / 'store.db'}"


def render_tally(repo: str, intake: "Intake", saved: "SaveTally", cpu_s: float) -> str:
    """What came in and what was left out, in a few lines."""
    lines = [
        f"{repo}: {intake.changes} changes "
        f"({saved.new} new, {saved.changed} changed, {saved.same} as before)",
        f"  {intake.threads} review threads on lines of files: "
        f"{intake.by['person']} by reviewers, {intake.by['self']} by the author of the change, "
        f"{intake.by['bot']} by programs",
    ]
    if intake.left_out:
        lines.append("  left out:")
        lines += [f"    {count:6} {reason}" for reason, count in intake.left_out.most_common()]
    if any(intake.brought):
        lines.append(
            f"  reviewed commits that no branch leads to: {intake.brought.came} fetched by id,"
            f" {intake.brought.gone} gone at the host, {intake.brought.left} not to be had for now"
        )
    if intake.newest:
        lines.append(f"  newest: {intake.newest:%Y-%m-%d}")
    lines.append(f"  {cpu_s:.1f} s of CPU, {intake.threads / max(cpu_s, 0.01):.0f} threads/s")
    return "\n".join(lines)


@contextlib.contextmanager
def steps(what: str, total: int | None) -> "Iterator[Callable[[], None]]":
    """A bar on stderr; what it yields is called for each change."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


def _cpu_seconds() -> float:
    """User and system time of this process and of the git processes it waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
