"""The `postil` command: names each stage's commands by string and loads them when called.

So `postil --help` imports no torch, and this lowest floor imports nothing above it.
"""

import importlib
import logging
import sys

import click

from postil import __version__
from postil.errors import PostilError

COMMANDS = {
    "mine": ("mining.commands:mine", "Fetch review history into the store."),
    "dataset": (
        "mining.dataset_commands:dataset",
        "Pairs: build, card, export, push, forget.",
    ),
    "curate": ("mining.curate_commands:curate", "Keep, drop or edit remarks, one by one."),
    "train": ("finetune.commands:train", "Fine-tune an adapter on pairs (QLoRA by default)."),
    "evaluate": ("finetune.commands:evaluate", "Measure an adapter on what came later."),
    "adapters": (
        "finetune.adapter_commands:adapters",
        "List, show, promote, roll back, calibrate and prune adapters.",
    ),
    "merge": ("finetune.adapter_commands:merge", "Write adapter and base as one 16-bit model."),
    "retrain": (
        "finetune.retraining.command:retrain",
        "Mine, train, evaluate; publish only if better.",
    ),
    "review": ("bot.commands.doors:review", "Review a local change with an adapter."),
    "explain": (
        "bot.commands.explain_command:explain",
        "Say why windows were spoken about or passed over.",
    ),
    "shadow": (
        "bot.commands.shadow_command:shadow",
        "What would have been said, and how people decided.",
    ),
    "stats": (
        "bot.commands.stats_command:stats",
        "How often our remarks were acted on, beside people's.",
    ),
    "backtest": ("bot.backtest.command:backtest", "Replay merged pull requests as if live."),
    "serve": ("bot.commands.doors:serve", "Run the webhook server."),
    "worker": ("bot.commands.doors:worker", "Run reviews for a server whose queue is shared."),
    "action": (
        "bot.action.command:action",
        "Review inside a GitHub workflow, from the event file.",
    ),
    "demo": ("bot.demo.command:demo", "The whole of it on a sample team."),
    "init": ("bot.commands.doors:init", "Write a first postil.toml for this repository."),
    "doctor": ("bot.commands.doors:doctor", "Say what is missing, and how to mend it."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported only when one of them is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)  # noqa: S101 - our own table
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except ImportError as error:
            raise click.ClickException(
                f"{error.name} is not installed, and this needs it: pip install 'postil[train]'"
            ) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="postil")
@click.option("-v", "--verbose", is_flag=True, help="Log more, on stderr.")
def postil(verbose: bool) -> None:
    """A code reviewer that learns your team's taste from its own accepted review comments."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
    )
    # It advises a package that is not needed where NF4 weights are unpacked.
    logging.getLogger("bitsandbytes.backends").setLevel(logging.ERROR)


def main() -> None:
    """Run a command; an expected fault is one line on stderr and its exit code."""
    try:
        code = postil(standalone_mode=False)
        if isinstance(code, int):  # what click makes of an Exit
            sys.exit(code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("postil: interrupted", err=True)
        sys.exit(130)
    except PostilError as error:
        click.echo(f"postil: {error}", err=True)
        sys.exit(error.exit_code)
