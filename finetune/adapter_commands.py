"""`postil adapters list | show | promote | rollback | prune | calibrate` and `postil merge`.

None but `calibrate` and `merge` loads a model.
"""

import os
from pathlib import Path
from typing import Literal

import click
import msgspec

from finetune.adapters import CANDIDATE, CURRENT, Registry
from finetune.cards import CARD, load_card
from finetune.pair_source import pairs_option, read_pairs
from postil.errors import ConfigError, UsageError
from postil.options import home_option
from postil.settings import load_settings, postil_home

repo_option = click.option(
    "--repo",
    metavar="OWNER/NAME",
    help="Whose adapter; default: repo in postil.toml, or the pairs'.",
)


@click.group()
def adapters() -> None:
    """List, show, promote, roll back and prune the adapters of a repository."""


@adapters.command("list")
@repo_option
@home_option
def list_adapters(repo: str | None, home: Path | None) -> None:
    """Every adapter of a repository, oldest first; * marks the promoted one, ? the candidate."""
    registry, name = Registry(home or postil_home(os.environ)), named(repo)
    current, candidate = registry.current(name), registry.candidate(name)
    for folder in registry.list(name):
        card = load_card(folder)
        loss = card.metrics.get("held_out_loss", float("nan"))
        found = f"pairs  held-out loss {loss:.3f}" if card.has_weights else "remarks, no weights"
        mark = "*" if folder == current else "?" if folder == candidate else " "
        click.echo(
            f"{mark} {folder.name}  {card.created_at:%Y-%m-%d %H:%M}  {card.mode:5}"
            f"  {card.pairs} {found}"
        )


@adapters.command()
@click.argument("adapter", default="")
@click.option(
    "--html",
    "html_file",
    type=click.Path(path_type=Path),
    help="Write its report here, made from its last evaluation.",
)
@repo_option
@home_option
def show(adapter: str, html_file: Path | None, repo: str | None, home: Path | None) -> None:
    """The card of an adapter (default: the promoted one), as JSON."""
    where, name = home or postil_home(os.environ), named(repo)
    folder = choose_adapter(Registry(where), name, adapter)
    card = load_card(folder)
    if html_file:
        from finetune.evaluation.kept import kept_report

        html_file.write_text(kept_report(where, name, folder), encoding="utf-8")
    click.echo(msgspec.json.format(msgspec.json.encode(card)).decode())


@adapters.command()
@click.argument("adapter")
@click.option("--shadow", is_flag=True, help="Unproved: record what it would say, post nothing.")
@click.option("--force", is_flag=True, help="Unproved: let it speak; its card keeps that.")
@click.option(
    "--canary", is_flag=True, help="Only as the candidate, on review.canary of the pull requests."
)
@repo_option
@home_option
def promote(
    adapter: str, shadow: bool, force: bool, canary: bool, repo: str | None, home: Path | None
) -> None:
    """Let ADAPTER (its digest, or the start of it) review from now on.

    Only one that `postil evaluate` has shown to be better than what costs less may speak.
    """
    from finetune.promotion import decide

    if shadow and force:
        raise UsageError("--shadow and --force: one of them")
    where = home or postil_home(os.environ)
    registry, name = Registry(where), named(repo)
    folder = registry.find(name, adapter)
    way: Literal["shadow", "forced"] | None = "shadow" if shadow else "forced" if force else None
    promotion = decide(where, name, folder, registry.current(name), way)
    place = CANDIDATE if canary else CURRENT
    (registry.stage if canary else registry.promote)(name, folder, promotion)
    said = {"earned": "", "forced": ", by force", "shadow": ", in shadow: it posts nothing"}
    click.echo(f"{name}: {folder.name} is {place}{said[promotion.how]}")


@adapters.command()
@repo_option
@home_option
def withdraw(repo: str | None, home: Path | None) -> None:
    """Take the candidate back: the current adapter reviews every pull request again."""
    registry, name = Registry(home or postil_home(os.environ)), named(repo)
    click.echo(f"{name}: {registry.withdraw(name)} is no {CANDIDATE} any more")


@adapters.command()
@repo_option
@home_option
def rollback(repo: str | None, home: Path | None) -> None:
    """Go back to the adapter that was promoted before."""
    registry, name = Registry(home or postil_home(os.environ)), named(repo)
    click.echo(f"{name}: {registry.rollback(name).name} is {CURRENT}")


@adapters.command()
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    required=True,
    metavar="N",
    help="Adapters left beside the current one and the one before it: the newest N.",
)
@repo_option
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and stop.")
@home_option
def prune(keep: int, repo: str | None, dry_run: bool, home: Path | None) -> None:
    """Remove old adapters: all but the newest N, the current and the previous one."""
    registry, name = Registry(home or postil_home(os.environ)), named(repo)
    removed = registry.prune(name, keep, dry_run=dry_run)
    would = "would remove" if dry_run else "removed"
    for one in removed:
        click.echo(f"{would} {one.name}  {one.size / 1e6:.1f} MB")
    total = sum(one.size for one in removed) / 1e6
    click.echo(f"{name}: {would} {len(removed)} adapters, {total:.1f} MB")


@adapters.command()
@click.argument("adapter", default="")
@pairs_option
@repo_option
@home_option
def calibrate(adapter: str, pairs: Path | None, repo: str | None, home: Path | None) -> None:
    """Make anew what stands beside ADAPTER's weights: memory, gate, threshold. Nothing is trained.

    For another review.min_precision, or after an upgrade. The default is the promoted adapter; the
    one that is made is another, and has to be evaluated and promoted as such.
    """
    from finetune.processor import prepare_processor

    prepare_processor()
    from finetune.recalibrating import recalibrate
    from finetune.training.progress import stages

    settings, where = load_settings(Path.cwd()), home or postil_home(os.environ)
    rows, name = read_pairs(pairs, repo or settings.repo, where)
    registry = Registry(where)
    folder = choose_adapter(registry, name, adapter)
    with stages() as progress:
        made, gate = recalibrate(folder, rows, settings, registry, progress)
    click.echo(gate.note if gate else "No calibration part, so it never speaks.")
    if made == folder:
        click.echo(f"adapter {made}: nothing beside its weights would change")
        return
    click.echo(f"adapter {made}\nevaluate it: postil evaluate {made.name} --repo {name}")


@click.command()
@click.argument("adapter")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the merged model; new or empty.",
)
@click.option(
    "--precision", default="bf16", show_default=True, help="What it is held in: 16 bits only."
)
@click.option("--base", metavar="MODEL", help="Default: the base that the adapter's card names.")
@repo_option
@home_option
def merge(
    adapter: str,
    out: Path,
    precision: str,
    base: str | None,
    repo: str | None,
    home: Path | None,
) -> None:
    """Write ADAPTER (its digest, the start of it, or its folder) and its base as one model."""
    if precision != "bf16":
        raise UsageError(
            f"--precision {precision}: only bf16: merging into 4 bits would round the sum anew and"
            " lose what was learned; merge in bf16, then quantise the folder with the tool that"
            " serves it, and measure it again"
        )
    where = home or postil_home(os.environ)
    here = Path(adapter).expanduser()
    folder = here if (here / CARD).is_file() else Registry(where).find(named(repo), adapter)
    card = load_card(folder)
    from finetune.processor import prepare_processor

    prepare_processor()
    from finetune import merge as merging
    from finetune.base_model import find_base

    merging.check_mergeable(folder, card, out)
    merging.merge(find_base(base or card.base, where), folder, out)
    size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
    click.echo(f"{out}: {folder.name} merged into {card.base}, {size:.1f} MB")


def named(repo: str | None) -> str:
    """The repository of an option or of postil.toml."""
    name = repo or load_settings(Path.cwd()).repo
    if not name:
        raise UsageError("say whose adapters: --repo OWNER/NAME, or repo in postil.toml")
    return name


def choose_adapter(registry: Registry, repo: str, adapter: str) -> Path:
    """By digest, else the promoted one, else the newest."""
    if adapter:
        return registry.find(repo, adapter)
    newest = list(registry.list(repo))
    found = registry.current(repo) or (newest[-1] if newest else None)
    if found is None:
        raise ConfigError(f"{repo}: no adapter yet: run `postil train --repo {repo}`")
    return found
