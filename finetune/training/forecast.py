"""Whether a run fits into memory, by arithmetic on the base's configuration, before it is loaded.

Nothing is allocated: the model's modules are made on torch's meta device. What a run then really
takes is measured on the run itself (`finetune.training.probe`).
"""

from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from finetune.loaded_base import UNPACK_BELOW
from finetune.training.lora import ALL, linear_layers
from finetune.training.losses import POSITIONS
from postil.errors import ModelError, TrainingError
from postil.settings import TrainSettings

NF4_BITS = 4.127
"""A value in NF4 with double quantisation: 4 bits and its share of the scales (QLoRA, §3)."""

LIVE, GRADIENT, MASTER, BEST, JOINED = 2, 2, 4, 4, 8
"""Bytes a trainable value: as it computes, its gradient, its float32 master, the best one seen,
and what joining all gradients to one vector takes for a moment."""
ADAM, ADAM8 = 8, 2
"""Bytes a trainable value for AdamW's two moments."""

BLOCK_HIDDEN, BLOCK_INNER = 34, 10
"""Bytes that a block keeps a token for the backward pass, per value of its width and its inner
width; fitted on runs of the embedded base (docs/decisions/006)."""
LOGIT = 14
"""Bytes a logit: in bf16, in float32, its softmax and its gradient."""
GATHERED = 2
"""Layers that a process holds whole at once where the base is sharded: the one it computes in and
the next, which is on its way."""
GB = 1e9


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """What of a base decides the memory of training it; counts of values."""

    linear: int
    """In the linear layers of its blocks, which NF4 packs."""
    other: int
    """In embeddings, head and norms."""
    layers: int
    hidden: int
    inner: int
    vocabulary: int
    trainable: int

    @property
    def total(self) -> int:
        """All values of the base."""
        return self.linear + self.other

    @property
    def adapter_mb(self) -> float:
        """Megabytes of what is saved, in bf16."""
        return self.trainable * LIVE / 1e6


def outline(folder: Path) -> Any:
    """The modules of a base without their weights; ModelError where there is no such model."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).split("\n", 1)[0]
        raise ModelError(f"{folder}: its configuration cannot be read: {reason}") from error
    return outline_of(config)


def outline_of(config: Any) -> Any:
    """The modules that a configuration describes, on torch's meta device."""
    causal: Any = AutoModelForCausalLM
    with torch.device("meta"):
        return causal.from_config(config)


def measure_size(model: nn.Module, settings: TrainSettings) -> Size:
    """Count a model's values, and those that would train; ConfigError for unknown targets."""
    config: Any = model.config
    layers = linear_layers(model, (ALL,))
    total = sum(p.numel() for p in model.parameters())
    linear = sum(layer.weight.numel() for layer in layers)
    if settings.mode == "full":
        trainable = total
    else:
        chosen = linear_layers(model, settings.targets)
        ends = sum(settings.rank * (c.in_features + c.out_features) for c in chosen)
        trainable = ends + (sum(c.out_features for c in chosen) if settings.dora else 0)
    return Size(
        linear=linear,
        other=total - linear,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        inner=getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
        vocabulary=config.vocab_size,
        trainable=trainable,
    )


def forecast(size: Size, settings: TrainSettings, device: str, *, pieces: int = 1) -> int:
    """Bytes at the peak of a run, besides what the process takes without a model.

    `pieces`: processes that share the frozen layers of the base.
    """
    return (
        _weights(size, settings, device, pieces)
        + size.trainable * _each(settings, device)
        + max(settings.micro_tokens, settings.max_length) * _kept(size, settings)
        + POSITIONS * size.vocabulary * LOGIT
    )


def _weights(size: Size, settings: TrainSettings, device: str, pieces: int) -> int:
    wide = 4 if settings.dtype == "float32" else 2
    small = settings.unpacked and size.total < UNPACK_BELOW and pieces == 1
    packed = settings.mode == "qlora" and not (device == "cpu" and small)
    share = 1.0 if pieces == 1 else min(1.0, 1 / pieces + GATHERED / size.layers)
    linear = size.linear * share * (NF4_BITS / 8 if packed else wide)
    return int(linear) + size.other * wide


def _each(settings: TrainSettings, device: str) -> int:
    eight = settings.optimizer == "paged_adamw_8bit"
    eight = eight or (settings.optimizer == "auto" and device != "cpu")
    moments = ADAM8 if eight else ADAM
    live = 0 if settings.mode == "full" else LIVE  # else they are among the weights
    return live + GRADIENT + MASTER + BEST + JOINED + moments


def _kept(size: Size, settings: TrainSettings) -> int:
    block = BLOCK_HIDDEN * size.hidden + BLOCK_INNER * size.inner
    return (
        LIVE * size.hidden * size.layers + block
        if settings.checkpointing
        else (block * size.layers)
    )


def require_room(
    model: nn.Module, settings: TrainSettings, device: str, room: int, *, pieces: int = 1
) -> Size:
    """The size of a run that fits into `room` bytes; TrainingError says what would."""
    size = measure_size(model, settings)
    wanted = forecast(size, settings, device, pieces=pieces)
    if wanted <= room:
        return size
    fitting = "; or ".join(what_would_fit(model, settings, device, room, pieces=pieces))
    raise TrainingError(
        f"this run needs about {wanted / GB:.1f} GB and {room / GB:.1f} GB are left on {device}:"
        f" it would fit with {fitting or 'a smaller train.base only'}"
    )


def what_would_fit(
    model: nn.Module, settings: TrainSettings, device: str, room: int, *, pieces: int = 1
) -> list[str]:
    """Changes of settings under which the forecast stays within `room`, the mildest first."""
    short: dict[str, Any] = {"micro_tokens": settings.max_length}
    thrifty: dict[str, Any] = {**short, "checkpointing": True}
    four_bits: dict[str, Any] = {**thrifty, "mode": "qlora", "unpacked": False}
    tries = (
        {"checkpointing": True},
        short,
        thrifty,
        {**thrifty, "mode": "lora"},
        four_bits,
        {**four_bits, "micro_tokens": 256, "max_length": 256, "rank": min(8, settings.rank)},
    )
    for change in tries:
        changed = msgspec.structs.replace(settings, **change)
        if forecast(measure_size(model, changed), changed, device, pieces=pieces) <= room:
            return [_shown(change)]
    return []


def _shown(change: dict[str, Any]) -> str:
    texts = (f"{name} = {str(value).lower()}" for name, value in change.items())
    return ", ".join(f"train.{text}" for text in texts)
