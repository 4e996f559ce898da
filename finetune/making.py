"""Pairs -> a published adapter: train, calibrate its gate, index the past, write the card.

Everything is made in a folder beside the registry's and published by one rename. A run that stops
on the way, by Ctrl-C or a kill, leaves no adapter and a checkpoint: the same call goes on from it.
"""

import importlib.metadata
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from finetune.adapters import Registry
from finetune.augment import Tally
from finetune.augment.engine import grow
from finetune.base_model import BaseModel
from finetune.canaries import PLANTED, choose_canaries, plant
from finetune.engines import Engine
from finetune.engines.kept import KeptEngine, name_model
from finetune.engines.local import LocalEngine
from finetune.evaluation.evaluate import calibration_rows
from finetune.evaluation.plan import Limits
from finetune.evaluation.readings import Progress, no_progress
from finetune.gate import CHEAP_GATE_FILE, GATE_FILE, Gate, write_gate
from finetune.gate_fitting import fit_gate
from finetune.kind_thresholds import ask_words, likeliest, with_kinds
from finetune.loaded_base import Precision, pick_device
from finetune.memory import learn_memory, write_memory
from finetune.newer import seen_until
from finetune.pooling import own_gate, repos_of, shown_entries
from finetune.precedents import show_precedents
from finetune.recall import Recall, index_entries
from finetune.retrieval import calibrate_memory
from finetune.topics import TOPICS_FILE, recurring, write_topics
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
from finetune.ways import Chosen, choose_way
from mining.dataset import digest_pairs
from postil.errors import ConfigError, TrainingError
from postil.prompt import TEMPLATE
from postil.records import AdapterCard, LoraShape, Pair, Way
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
            engine = _remembering(base, folder, card, settings, registry.home)
            chosen, gate = _equip(folder, pairs, settings, engine, card, progress, limits)
            card = _with_way(card, chosen, gate)
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


def _equip(
    folder: Path,
    pairs: Sequence[Pair],
    settings: Settings,
    engine: Engine,
    card: AdapterCard,
    progress: Progress,
    limits: Limits | None,
) -> tuple[Chosen, Gate | None]:
    """Put index, topics and gates beside the weights; how it is to speak, and its common gate."""
    pooled = repos_of(pairs)
    entries = index_entries(pairs, named=settings.review.name_reviewers, pooled=bool(pooled))
    recall = Recall(entries) if pooled else learn_memory(pairs, entries, settings.train.seed)
    write_memory(folder, recall)  # of several repositories: words of one say nothing to another
    if not pooled:  # a topic of several repositories would quote one in another
        write_topics(folder / TOPICS_FILE, recurring(pairs, recall, settings))
    chosen = _choose_way(pairs, settings, engine, recall)
    calibrate = partial(
        _calibrate, settings, engine, way=chosen.way, progress=progress, limits=limits
    )
    gate = calibrate(pairs, recall)
    if gate is not None:
        write_gate(folder / GATE_FILE, gate)
        cheap = calibrate_memory(pairs, recall, settings)
        if cheap is not None:
            write_gate(folder / CHEAP_GATE_FILE, cheap)
    for one in pooled:
        past = Recall(shown_entries(entries, card, one))
        own = calibrate([pair for pair in pairs if pair.repo == one], past)
        if own is not None:
            write_gate(folder / own_gate(one), own)
    return chosen, gate


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


def _remembering(
    base: BaseModel, folder: Path, card: AdapterCard, settings: Settings, home: Path
) -> Engine:
    """The adapter's engine; what it says here its evaluation need not ask again."""
    precision, length = scoring_precision(settings), settings.train.max_length
    return KeptEngine(
        home,
        name_model(base.sha256, precision, length, folder),
        lambda: LocalEngine(base, folder, precision=precision, max_length=length, card=card),
    )


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


def _calibrate(
    settings: Settings,
    engine: Engine,
    pairs: Sequence[Pair],
    recall: Recall,
    *,
    way: Way,
    progress: Progress,
    limits: Limits | None,
) -> Gate | None:
    """A gate from the calibration part; None, and so silence, where there is none."""
    if not any(pair.split == "calibration" and pair.window for pair in pairs):
        return None
    seed, tokens = settings.train.seed, settings.review.max_tokens
    rows = calibration_rows(engine, pairs, recall, limits=limits, progress=progress)
    gate = fit_gate(rows, min_precision=settings.review.min_precision, seed=seed)
    asked = {row.pair for row in likeliest(gate, rows)}
    said = ask_words(engine, recall, way, [pair for pair in pairs if pair.id in asked], tokens)
    return with_kinds(gate, rows, said)


def _choose_way(
    pairs: Sequence[Pair], settings: Settings, engine: Engine, recall: Recall
) -> Chosen:
    """How it is to say things; what was not trained is not tried, nor quoting from no memory."""
    ways: list[Way] = ["write"]
    if recall.entries:
        ways.append("recall")
        if settings.train.precedents:
            ways.append("recall+write")
    tokens, seed = settings.review.max_tokens, settings.train.seed
    return choose_way(engine, pairs, recall, ways, max_tokens=tokens, seed=seed)


def _with_way(card: AdapterCard, chosen: Chosen, gate: Gate | None) -> AdapterCard:
    tried = {f"chrf_{way}": round(score, 2) for way, score in chosen.chrf.items()}
    return msgspec.structs.replace(
        card,
        scoring={**card.scoring, "way": chosen.way},
        metrics={**card.metrics, **tried},
        threshold=gate.threshold if gate else None,
    )
