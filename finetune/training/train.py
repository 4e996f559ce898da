"""Pairs -> trained weights in a folder: QLoRA, LoRA or full fine-tuning.

Enters: pairs, settings, a base model. Leaves: safetensors in a folder that the caller publishes or
removes, and what the run measured in the run's own folder. Nothing is published here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch

from finetune.augment.copies import is_copy
from finetune.base_model import BaseModel
from finetune.loaded_base import Precision, load_base, load_tokenizer, pick_dtype
from finetune.training.attention import use_short_attention
from finetune.training.forecast import outline, require_room
from finetune.training.loop import Loop, Progressed, Report, Step
from finetune.training.lora import add_lora
from finetune.training.losses import packs_cleanly
from finetune.training.memory import Meter, available, no_room_is_one_line
from finetune.training.probe import Estimate, probe
from finetune.training.runs import RunFolder
from finetune.training.samples import Chat, Sample, make_samples
from finetune.training.team import Team, shard_base
from postil.errors import ConfigError, TrainingError
from postil.records import Pair
from postil.settings import TrainSettings


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a run will do, said before it starts."""

    mode: str
    device: str
    dtype: str
    trainable: int
    total: int
    adapter_mb: float
    pairs: int
    copies: int = 0
    """Pairs made from others (`[augment]`), those without room included."""
    held_out: int
    without_room: int
    trimmed: int
    tokens: int
    steps: int
    packed: bool
    estimate: Estimate | None = None
    """None where a run goes on from a checkpoint."""
    done: int = 0
    """Steps taken before a run was interrupted."""


class Prepared(msgspec.Struct, kw_only=True):
    """A model and its samples, ready to run."""

    loop: Loop
    plan: Plan
    train: list[Sample]
    held_out: list[Sample]


def prepare(
    pairs: Sequence[Pair], settings: TrainSettings, base: BaseModel, team: Team | None = None
) -> Prepared:
    """Load the base, attach low-rank matrices, encode the pairs.

    ConfigError on bad input; TrainingError where memory will not do.
    """
    team = team or Team()
    learnt = [p for p in pairs if p.split == "train" and p.kind != "ambiguous"]
    measured = [p for p in pairs if p.split == "validation" and p.kind != "ambiguous"]
    if settings.batch < team.size:
        raise ConfigError(
            f"train.batch = {settings.batch} leaves some of {team.size} processes without a sample"
        )
    if len(learnt) < 2:
        raise ConfigError(f"{len(learnt)} pairs to train on; at least 2 are needed")
    chat = Chat(load_tokenizer(base))
    train = make_samples(chat, learnt, settings.max_length, settings.prompt_weight)
    held_out = make_samples(chat, measured, settings.max_length)
    if not train.samples:
        raise ConfigError(f"no pair fits into train.max_length = {settings.max_length} tokens")
    if not any(sample.learned for sample in train.samples):
        raise ConfigError("nothing to learn: the answers of all pairs are empty")
    room = available(team.device) - Meter(team.device).used()
    pieces = team.size if team.sharded else 1
    size = require_room(outline(base.folder), settings, team.device, room, pieces=pieces)
    model = load_trainable(base, settings, team)
    packed = settings.packing == "auto" and _packs(model, train.samples, team)
    return Prepared(
        loop=Loop(model, settings, team, packed=packed),
        plan=Plan(
            mode=settings.mode,
            device=team.device,
            dtype=pick_dtype(settings.dtype, team.device),
            trainable=size.trainable,
            total=size.total,
            adapter_mb=size.adapter_mb,
            pairs=len(train.samples),
            copies=sum(map(is_copy, learnt)),
            held_out=len(held_out.samples),
            without_room=train.without_room + held_out.without_room,
            trimmed=train.trimmed + held_out.trimmed,
            tokens=sum(len(sample.ids) for sample in train.samples),
            steps=max(1, round(settings.epochs * len(train.samples) / settings.batch)),
            packed=packed,
        ),
        train=train.samples,
        held_out=held_out.samples,
    )


def load_trainable(base: BaseModel, settings: TrainSettings, team: Team) -> Any:
    """The base with what trains on it, in training mode."""
    torch.manual_seed(settings.seed)
    model: Any = load_base(
        base,
        precision_of(settings, team.device),
        "cpu" if team.sharded else torch.device(team.device).type,
        unpacked=settings.unpacked,
        sharded=team.sharded,
    )
    if settings.mode == "full":
        model.requires_grad_(True)
    else:
        model = add_lora(model, settings, base.name, own_layers=not team.sharded)
    if team.device == "cpu":
        use_short_attention(model)
    if settings.checkpointing:
        renamed = getattr(model, "activation_checkpointing_enable", None)  # in transformers 5.2x
        (renamed or model.gradient_checkpointing_enable)({"use_reentrant": False})
    model.train()
    if team.sharded:
        shard_base(model, team)
    return model


def precision_of(settings: TrainSettings, device: str) -> Precision:
    """What a run loads its base in, and what its adapter is used in."""
    wide = pick_dtype(settings.dtype, device) == "float32"
    if settings.mode == "qlora":
        return "nf4-fp32" if wide else "nf4"
    return "fp32" if wide else "bf16"


def _packs(model: Any, samples: Sequence[Sample], team: Team) -> bool:
    """Whether this model may read samples in one row: where attention skips what lies between
    them, and only if it is seen to keep them apart."""
    skips = team.device == "cpu" or model.config._attn_implementation == "flash_attention_2"
    return skips and not team.sharded and packs_cleanly(model, samples, team.device)


def estimated(prepared: Prepared) -> Plan:
    """The plan with what its run will take, measured on a few of its own steps."""
    plan, loop = prepared.plan, prepared.loop
    with no_room_is_one_line(loop.settings):
        found = probe(loop, prepared.train, prepared.held_out, plan.steps)
    return msgspec.structs.replace(plan, estimate=found)


def run(prepared: Prepared, folder: RunFolder | None, report: Report) -> Progressed:
    """Train; leaves the best weights in the model, and in `folder` what was measured."""
    loop = prepared.loop
    if folder is not None and loop.team.leads:
        loop.checkpoints = folder.checkpoints
        folder.go_on_after(loop.at.steps)

    def told(done: Step) -> None:
        if folder is not None and loop.team.leads:
            folder.write(done)
        report(done)

    with no_room_is_one_line(loop.settings):
        done = loop.run(prepared.train, prepared.held_out, told)
    for parameter in loop.masters.live:
        if not bool(torch.isfinite(parameter).all()):
            raise TrainingError("the trained weights are not finite; lower train.learning_rate")
    return done


def save_weights(model: Any, folder: Path) -> None:
    """The trained weights as safetensors: low-rank matrices alone, or the whole model."""
    # "auto" would look for the base's configuration by a name that is no path
    if hasattr(model, "peft_config"):
        own = {name: p for name, p in model.named_parameters() if p.requires_grad}
        model.save_pretrained(folder, save_embedding_layers=False, state_dict=own)
        _sort_targets(folder / "adapter_config.json")
    else:
        model.save_pretrained(folder)
    for spare in ("README.md", "generation_config.json"):
        (folder / spare).unlink(missing_ok=True)


def _sort_targets(path: Path) -> None:
    """peft writes a set in whatever order; the same run shall give the same bytes."""
    config = msgspec.json.decode(path.read_bytes())
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    path.write_bytes(msgspec.json.format(msgspec.json.encode(config)))
