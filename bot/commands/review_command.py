"""`postil review`: a change in, remarks on stdout in the shape that is asked for.

What is heavy to import (git, the host's client) is imported once the options have been read.
"""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from bot.commands.pull_address import read_address
from postil.errors import SourceError, UsageError
from postil.options import config_option
from postil.settings import EngineSettings, Settings, load_settings, postil_home

if TYPE_CHECKING:
    from bot.review import Reviewed
    from bot.reviewers import AdapterReviewer
    from bot.saying.placement import PlacedFinding

adapter_option = click.option(
    "--adapter",
    default="",
    help="A folder, or the start of a digest in the registry; default: the promoted one.",
)
base_option = click.option(
    "--base-model",
    default="",
    help="Where the adapter's base model is now, if it moved; must be the same weights.",
)


CHANGE_OPTIONS = (
    click.option("--diff", metavar="FILE", help="A unified diff; - reads it from stdin."),
    click.option("--range", "revisions", metavar="A..B", help="Commits of the repository here."),
    click.option("--staged", is_flag=True, help="What is staged in the repository here."),
    click.option(
        "--pr",
        metavar="OWNER/NAME#N|URL",
        help="A pull request on GitHub, or its address there or on a Forgejo.",
    ),
)

Command = TypeVar("Command", bound=Callable[..., object])


def change_options(command: Command) -> Command:
    """The four ways to name a change, of which one is to be used."""
    for option in reversed(CHANGE_OPTIONS):
        command = option(command)
    return command


@click.command()
@change_options
@adapter_option
@base_option
@config_option
@click.option(
    "--format",
    "shape",
    type=click.Choice(["text", "json", "sarif", "github", "markdown"]),
    default="text",
    show_default=True,
    help="github: annotations of the workflow this runs in.",
)
@click.option("--dry-run", is_flag=True, help="With --pr: never post, whatever review.mode says.")
@click.option(
    "--fail-on",
    default="never",
    show_default=True,
    metavar="never|any|PROB",
    help="Exit 1 if a remark was made; with a number, one at least that probable.",
)
def review(
    diff: str | None,
    revisions: str | None,
    staged: bool,
    pr: str | None,
    adapter: str,
    base_model: str,
    config: Path | None,
    shape: str,
    dry_run: bool,
    fail_on: str,
) -> None:
    """Review a local change, or a pull request, with an adapter."""
    check_one(diff, revisions, staged, pr)
    limit = read_fail_on(fail_on)
    settings = load_settings(Path.cwd(), config)
    if config is None and settings.engine.kind != "local":
        # The code goes to this address, so a settings file that just lies here cannot name it.
        click.echo("[engine] is not used: name the settings file with --config", err=True)
        settings = msgspec.structs.replace(settings, engine=EngineSettings())
    if pr is not None:
        from bot.commands.pull_command import review_pull
        from bot.door.signature import load_marker_key

        api_url = api_url_of(settings, config)
        address = read_address(pr)
        key = load_marker_key(postil_home(os.environ))
        with closing(open_reader(adapter, base_model, settings, key)) as reader:
            read, detail = review_pull(address, reader, settings, key, dry_run, api_url)
        reviewed, placed = read.reviewed, list(read.placed)
        click.echo(detail, err=True)
    else:
        text = read_local(diff, revisions, staged)
        reviewed, placed = _review_text(text, adapter, base_model, settings)
    if reviewed.note:
        click.echo(reviewed.note, err=True)
    _show(reviewed, placed, shape)
    if any(finding.score >= limit for finding in reviewed.findings):
        raise click.exceptions.Exit(1)


def check_one(diff: str | None, revisions: str | None, staged: bool, pr: str | None) -> None:
    """UsageError unless a change is named in exactly one way."""
    if sum(x is not None for x in (diff, revisions, pr)) + staged != 1:
        raise UsageError("give exactly one of --diff, --range, --staged and --pr")


def api_url_of(settings: Settings, config: Path | None) -> str:
    """Where GitHub is; "" for the public one. The token goes there, so a settings file that just
    lies here cannot name it."""
    return os.environ.get("GITHUB_API_URL") or (settings.server.api_url if config else "")


def read_fail_on(text: str) -> float:
    """The least probability that fails a run; infinite for `never`."""
    if text in ("never", "any"):
        return {"never": float("inf"), "any": 0.0}[text]
    try:
        limit = float(text)
    except ValueError as error:
        raise UsageError(f"--fail-on {text!r}: expected never, any or a probability") from error
    if not 0 <= limit <= 1:
        raise UsageError(f"--fail-on {text}: a probability is from 0 to 1")
    return limit


def read_local(diff: str | None, revisions: str | None, staged: bool) -> str:
    """The text of a change that is here."""
    from bot.commands.local_change import read_diff_file, read_range, read_staged

    if diff is not None:
        return read_diff_file(diff)
    return read_staged(Path.cwd()) if staged else read_range(Path.cwd(), revisions or "")


def _review_text(
    text: str, adapter: str, base_model: str, settings: Settings
) -> tuple["Reviewed", list["PlacedFinding"]]:
    from bot.saying.placement import place_all
    from postil.diff import parse_diff

    files = parse_diff(text)
    repo = settings.repo or origin()
    with closing(open_reader(adapter, base_model, settings, b"")) as reader:
        reviewed = reader.read(repo, text)
    return reviewed, place_all(reviewed.findings, files, repo)


def open_reader(adapter: str, base_model: str, settings: Settings, key: bytes) -> "AdapterReviewer":
    from bot.model.opening import adapter_opener
    from bot.reviewers import AdapterReviewer

    home = postil_home(os.environ)
    opener = adapter_opener(home, os.environ, base_model, settings.engine)
    return AdapterReviewer(settings.review, home, opener, key, adapter=adapter)


def origin() -> str:
    """The repository's name by its `origin`; "" outside of one."""
    from bot.commands.local_change import find_work_tree, repo_name
    from mining.repository import open_repository

    try:
        with open_repository(find_work_tree(Path.cwd())) as repository:
            return repo_name(repository)
    except SourceError:
        return ""


def _show(reviewed: "Reviewed", placed: "list[PlacedFinding]", shape: str) -> None:
    from bot.output.shapes import SHAPES

    if shown := SHAPES[shape](reviewed, placed):
        click.echo(shown)
