"""`postil train | evaluate`: options in, results out, progress on stderr.

torch is imported once the options have been read.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from finetune.adapter_commands import choose_adapter, repo_option
from finetune.adapters import Registry
from finetune.evaluation.plan import MEASURED
from finetune.pair_source import pairs_option, read_pairs, read_pooled
from finetune.training.progress import made_text, plan_text, show_run, stages
from mining.advice import advise
from postil.errors import UsageError
from postil.options import home_option
from postil.records import Pair
from postil.settings import Settings, load_settings, postil_home

if TYPE_CHECKING:
    from finetune.making import Made
    from finetune.training.team import Team

LAUNCHED = "TORCHELASTIC_RUN_ID"
"""Set by torch's launcher, which accelerate's calls; see dist.is_torchelastic_launched."""

LATER = "copies in other words come on top: they are written when the run starts"


@click.command()
@pairs_option
@click.option(
    "--repo",
    "repos",
    multiple=True,
    metavar="OWNER/NAME",
    help="Whose adapter; default: repo in postil.toml, or the pairs'. With --pooled, several.",
)
@click.option(
    "--pooled",
    metavar="NAME",
    help="One adapter for all --repo of one owner, kept as OWNER/+NAME; review.adapter chooses it.",
)
@click.option(
    "--mode",
    type=click.Choice(["qlora", "lora", "full", "retrieval"]),
    help="Default: train.mode, qlora. retrieval trains no weights: it quotes the accepted remarks"
    " made on similar code; for repositories with few of them.",
)
@click.option("--base", metavar="MODEL", help="Default: train.base, the embedded model.")
@click.option("--epochs", type=float, help="Passes over the pairs; default: train.epochs, 3.")
@click.option("--dry-run", is_flag=True, help="Say what would be trained, and stop.")
@home_option
def train(
    pairs: Path | None,
    repos: tuple[str, ...],
    pooled: str | None,
    mode: str | None,
    base: str | None,
    epochs: float | None,
    dry_run: bool,
    home: Path | None,
) -> None:
    """Fine-tune an adapter on pairs and put it into the registry. Promotes nothing."""
    given = {"mode": mode, "base": base, "epochs": epochs}
    changed = {key: value for key, value in given.items() if value is not None}
    where = home or postil_home(os.environ)
    if len(repos) > 1 and not pooled:
        raise UsageError("several --repo make one adapter only with --pooled NAME")
    if pooled and (pairs is not None or mode == "retrieval"):
        raise UsageError("--pooled takes built datasets of --repo, and trains: no --pairs")
    with joined() as team:
        settings = changed_settings(load_settings(Path.cwd()), changed)
        leads = team is None or team.leads
        if settings.train.mode == "retrieval":
            if team is not None or base is not None or epochs is not None:
                raise UsageError(
                    "mode retrieval trains nothing: no --base, no --epochs, no launcher"
                )
            rows, name = read_pairs(pairs, next(iter(repos), settings.repo), where)
            remember(rows, settings, Registry(where), name, dry_run=dry_run)
            return
        from finetune.processor import prepare_processor

        prepare_processor()
        if pooled:
            rows, name = read_pooled(repos, pooled, where)
        else:
            rows, name = read_pairs(pairs, next(iter(repos), settings.repo), where, told=leads)
        if leads and (advice := advise(rows)):
            click.echo(advice, err=True)
        from finetune.base_model import find_base

        found = find_base(settings.train.base, where)
        if dry_run:
            show_plan(rows, settings, found, team)
            return
        made = make(rows, settings, found, Registry(where), name, team)
        click.echo(made_text(made))
        click.echo(promote_hint(made.folder, name))


def show_plan(rows: list[Pair], settings: Settings, base: Any, team: "Team | None") -> None:
    """Say what would be trained."""
    from finetune.augment import augment
    from finetune.training.train import estimated, prepare

    grown = augment(rows, settings.augment, settings.train.seed)
    plan = estimated(prepare(grown.pairs, settings.train, base, team))
    if team:
        team.leave()
    click.echo(plan_text(plan))
    if settings.augment.rewords:
        click.echo(LATER)


def remember(
    rows: list[Pair], settings: Settings, registry: Registry, repo: str, *, dry_run: bool
) -> None:
    """Make an adapter without weights, or say what it would remember."""
    from finetune.recall import index_entries
    from finetune.retrieval import made_text, make_retrieval

    if dry_run:
        click.echo(f"would remember {len(index_entries(rows))} accepted remarks; no weights")
        return
    with stages() as progress:
        made = make_retrieval(rows, settings, registry, repo, progress)
    click.echo(made_text(made))
    click.echo(promote_hint(made.folder, repo))


def promote_hint(folder: Path, repo: str) -> str:
    """What comes next."""
    return f"promote it: postil adapters promote {folder.name} --repo {repo}"


def changed_settings(settings: Settings, changed: dict[str, Any]) -> Settings:
    """Settings with what the options say; UsageError where that cannot be."""
    try:
        own = msgspec.structs.replace(settings.train, **changed)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return msgspec.structs.replace(settings, train=own)


@contextmanager
def joined() -> Iterator["Team | None"]:
    """This process among those a launcher started, speaking as one; None without a launcher."""
    if LAUNCHED not in os.environ:
        yield None
        return
    from finetune.processor import prepare_processor

    prepare_processor()
    from finetune.training.one_voice import one_voice
    from finetune.training.team import check_launch, join_team

    team = join_team()
    with one_voice(team):
        check_launch(team)
        yield team
    team.end()


@click.command()
@click.argument("adapter", default="")
@pairs_option
@repo_option
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the figures here as well."
)
@click.option(
    "--html", "html_file", type=click.Path(path_type=Path), help="Write the report here as well."
)
@click.option(
    "--most",
    type=int,
    default=MEASURED.silences,
    show_default=True,
    help="Silent test windows read.",
)
@click.option(
    "--written",
    type=int,
    default=MEASURED.samples,
    show_default=True,
    help="Test remarks answered in words.",
)
@home_option
def evaluate(
    adapter: str,
    pairs: Path | None,
    repo: str | None,
    json_file: Path | None,
    html_file: Path | None,
    most: int,
    written: int,
    home: Path | None,
) -> None:
    """Measure ADAPTER (default: the promoted one) against its base on the test part.

    Figures and report are kept in HOME/evaluations/REPO/ADAPTER.
    """
    settings = load_settings(Path.cwd())
    where = home or postil_home(os.environ)
    rows, name = read_pairs(pairs, repo or settings.repo, where)
    folder = choose_adapter(Registry(where), name, adapter)
    from rich.console import Console

    from finetune.evaluation.kept import keep_evaluation
    from finetune.evaluation.proof import prove
    from finetune.evaluation.scorecard import encode_scorecard
    from finetune.evaluation.tables import render_evaluation

    with stages() as progress:
        scorecard = prove(
            folder,
            rows,
            settings,
            where,
            progress,
            live=Registry(where).current(name),
            limits=msgspec.structs.replace(MEASURED, silences=most, samples=written),
        )
    if json_file:
        json_file.write_bytes(encode_scorecard(scorecard))
    report = keep_evaluation(where, name, folder, scorecard)
    if html_file:
        html_file.write_bytes(report.read_bytes())
    Console(width=120).print(render_evaluation(scorecard))
    click.echo(f"report: {report}")


def make(
    rows: list[Pair],
    settings: Settings,
    base: Any,
    registry: Registry,
    repo: str,
    team: "Team | None" = None,
) -> "Made":
    """`make_adapter` with progress on stderr."""
    from finetune.evaluation.readings import no_progress
    from finetune.making import make_adapter

    leads = team is None or team.leads
    with stages() if leads else nullcontext(no_progress) as progress:
        return make_adapter(rows, settings, base, registry, repo, show_run, progress, team)
