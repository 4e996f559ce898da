"""Pairs -> a published adapter: train, calibrate its gate, index the past, write the card.

Everything is made in a folder beside the registry's and published by one rename. A run that stops
on the way, by Ctrl-C or a kill, leaves no adapter and a checkpoint: the same call goes on from it.
"""

import importlib.metadata
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from finetune.adapters import Registry
from finetune.augment import Tally
from finetune.augment.engine import grow
from finetune.base_model import BaseModel
from finetune.canaries import PLANTED, choose_canaries, plant
from finetune.equipping import equip
from finetune.evaluation.plan import Limits
from finetune.evaluation.readings import Progress, no_progress
from finetune.gate import Gate
from finetune.loaded_base import Precision, pick_device
from finetune.newer import seen_until
from finetune.pooling import repos_of
from finetune.precedents import show_precedents
from finetune.training.checkpoints import Checkpoints
from finetune.training.loop import Progressed, Report
from finetune.training.measured import METRICS
from finetune.training.runs import CHECKPOINTS, fingerprint, open_run, run_path
from finetune.training.team import Team
from finetune.training.train import (
    Plan,
    Prepared,
    estimated,
    precision_of,
    prepare,
    run,
    save_weights,
)
from mining.dataset import digest_pairs
from postil.errors import ConfigError, TrainingError
from postil.prompt import TEMPLATE
from postil.records import AdapterCard, LoraShape, Pair
from postil.settings import Settings

LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")

Reporter = Callable[[Plan], AbstractContextManager[Report]]
"""Shows a plan, then the run's progress while the context is open."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A published adapter."""

    folder: Path
    card: AdapterCard
    plan: Plan
    done: Progressed
    gate: Gate | None
    run: Path
    """The folder with the run's curves."""
    copies: Tally = Tally()


def make_adapter(
    pairs: Sequence[Pair],
    settings: Settings,
    base: BaseModel,
    registry: Registry,
    repo: str,
    reporter: Reporter,
    progress: Progress = no_progress,
    team: Team | None = None,
    limits: Limits | None = None,
) -> Made:
    """Train on the train part and calibrate on the calibration part; publish, promote nothing.

    `limits`: how much of the calibration part is read. What is trained on may have copies beside
    it; index, gate and data hash know the pairs alone. Of a team's processes only the first
    returns; the others end when the training is done.
    """
    team = team or Team(device=pick_device())
    grown = team.share(lambda: grow(pairs, settings, base, registry.home, progress))
    canaries = choose_canaries(pairs, settings.train.canaries, settings.train.seed)
    planted = plant(grown.pairs, canaries)
    learned = tuple(show_precedents(planted)) if settings.train.precedents else tuple(planted)
    prepared = prepare(learned, settings.train, base, team)
    data = digest_pairs(learned)
    name = fingerprint(settings.train, data, base.sha256, TEMPLATE, str(team.size))
    path = run_path(registry.home, repo, name)
    if not team.agree(int(name, 16)):
        raise ConfigError("the processes were given different settings or bases")
    plan = _plan(prepared, path)
    opened = open_run(path, events=settings.train.tensorboard) if team.leads else nullcontext()
    with opened as run_folder:
        with (reporter if team.leads else _silent)(plan) as report:
            done = run(prepared, run_folder, report)
        team.leave()
        assert run_folder is not None  # noqa: S101 - only the first process is still here
        with registry.workspace(repo) as folder:
            save_weights(prepared.loop.model, folder)
            run_folder.copy_metrics(folder / METRICS)
            del prepared
            card = describe(pairs, settings, base, repo, plan, done, len(canaries))
            card, gate = equip(folder, pairs, settings, base, card, registry.home, progress, limits)
            published = registry.publish(folder, card)
        run_folder.checkpoints.clear()
    return Made(
        folder=published,
        card=card,
        plan=plan,
        done=done,
        gate=gate,
        run=path,
        copies=grown.tally,
    )


def _plan(prepared: Prepared, path: Path) -> Plan:
    """What is ahead: the rest of an interrupted run, or a whole one with its estimates."""
    loop = prepared.loop
    going_on = loop.resume(Checkpoints(path / CHECKPOINTS))
    if not loop.team.agree(loop.at.steps):
        raise TrainingError(
            f"{path}: the processes read different checkpoints there: POSTIL_HOME must be one"
            " folder that all machines share"
        )
    if going_on:
        return msgspec.structs.replace(prepared.plan, done=loop.at.steps)
    return estimated(prepared)


@contextmanager
def _silent(_plan: Plan) -> Iterator[Report]:
    yield lambda _: None


def scoring_precision(settings: Settings) -> Precision:
    """What the base is loaded in when this adapter is used."""
    return precision_of(settings.train, pick_device())


def describe(
    pairs: Sequence[Pair],
    settings: Settings,
    base: BaseModel,
    repo: str,
    plan: Plan,
    done: Progressed,
    canaries: int = 0,
) -> AdapterCard:
    """The card, but for the hashes that publishing adds."""
    train = settings.train
    metrics = {
        "held_out_loss": done.best_loss,
        "held_out_loss_base": done.first_loss,
        "steps": float(done.steps),
        "tokens": float(done.tokens),
        "seconds": round(done.seconds, 1),
    }
    if canaries:
        metrics[PLANTED] = float(canaries)
    if plan.copies:
        metrics["copies"] = float(plan.copies)
    return AdapterCard(
        name=f"{repo} {datetime.now(UTC):%Y-%m-%d}",
        repo=repo,
        base=base.name,
        base_revision=base.revision,
        base_sha256=base.sha256,
        template=TEMPLATE,
        window_lines=settings.mining.window_lines,
        max_length=train.max_length,
        data_sha256=digest_pairs(pairs),
        pairs=plan.pairs,
        mode=train.mode,
        lora=None
        if train.mode == "full"
        else LoraShape(
            rank=train.rank, alpha=train.alpha, dropout=train.dropout, targets=train.targets
        ),
        scoring={"engine": "local", "precision": scoring_precision(settings)},
        seed=train.seed,
        libraries={name: importlib.metadata.version(name) for name in LIBRARIES},
        files={},
        metrics={name: value for name, value in metrics.items() if math.isfinite(value)},
        created_at=datetime.now(UTC),
        seen_until=seen_until(pairs),
        pooled=repos_of(pairs),
    )
