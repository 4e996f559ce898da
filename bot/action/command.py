"""The `postil action` command: the Action's inputs as options; errors as `::error::` lines."""

import os
from typing import cast

import click

from bot.commands.review_command import base_option, read_fail_on
from postil.errors import PostilError, UsageError
from postil.settings import EngineSettings, postil_home

SETTINGS_FILE = "postil.toml"
MODES = ("comment", "annotate", "summary", "sarif", "dry-run")


@click.command()
@click.option(
    "--adapter",
    default="",
    help="owner/name@tag of a release, artifact:NAME, hub:owner/name@revision, an address with"
    " #sha256=, a folder of the base branch, /folder of the runner, or a digest; default: the"
    " promoted one.",
)
@base_option
@click.option(
    "--mode",
    default="",
    metavar="|".join(MODES),
    help="What to do with the review; default: comment or summary, by review.mode.",
)
@click.option(
    "--config", default=SETTINGS_FILE, show_default=True, help="Read on the base branch only."
)
@click.option("--pull-request", default="", help="Its number, where the event tells none.")
@click.option("--max-comments", default="", help="Most remarks; default: review.max_comments.")
@click.option(
    "--min-precision", default="", help="Say nothing unless the adapter was measured so precise."
)
@click.option(
    "--fail-on", default="never", show_default=True, metavar="never|any|PROB", help="Fail the job."
)
@click.option(
    "--result-artifact",
    default="postil-result",
    show_default=True,
    help="After another run: the artifact to post; empty: review anew.",
)
@click.option("--engine", default="local", show_default=True, metavar="local|openai")
@click.option("--engine-url", default="", help="Address of the server of `openai`.")
@click.option("--only", type=click.Choice(["adapter-key", "base-key"]), hidden=True)
def action(
    adapter: str,
    base_model: str,
    mode: str,
    config: str,
    pull_request: str,
    max_comments: str,
    min_precision: str,
    fail_on: str,
    result_artifact: str,
    engine: str,
    engine_url: str,
    only: str | None,
) -> None:
    """Review the pull request of the GitHub workflow this runs in."""
    from bot.action.inputs import Inputs, Mode, read_number
    from bot.action.run import run_action, run_step
    from bot.action.workflow import error_command, report_failure
    from bot.model.opening import adapter_opener

    home = postil_home(os.environ)
    try:
        if mode and mode not in MODES:
            raise UsageError(f"mode: {mode[:40]!r} is none of {', '.join(MODES)}")
        served = read_engine(engine or "local", engine_url)
        most = read_number(max_comments, "max-comments", 100, whole=True)
        inputs = Inputs(
            adapter=adapter,
            mode=cast(Mode, mode) if mode else None,
            config=config or SETTINGS_FILE,
            pull_request=pull_request,
            max_comments=None if most is None else int(most),
            min_precision=read_number(min_precision, "min-precision", 1, whole=False),
            fail_on=read_fail_on(fail_on or "never"),
            result_artifact=result_artifact,
        )
        opener = adapter_opener(home, os.environ, base_model, served)
        if only:
            run_step(os.environ, home, opener, inputs, click.echo, only)
            return
        failed = run_action(os.environ, home, opener, inputs, click.echo)
    except PostilError as error:
        report_failure(os.environ, str(error))
        click.echo(error_command(str(error)))
        raise click.exceptions.Exit(error.exit_code) from error
    if failed:
        raise click.exceptions.Exit(1)


def read_engine(kind: str, url: str) -> EngineSettings:
    """The inputs `engine` and `engine-url`; UsageError where they do not fit together."""
    if kind == "local" and not url:
        return EngineSettings()
    if kind != "openai" or not url.startswith(("http://", "https://")):
        raise UsageError("engine: expected local, or openai with an http(s) address as engine-url")
    return EngineSettings(kind="openai", url=url)
