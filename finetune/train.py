"""Pairs -> trained weights in a folder: QLoRA, LoRA or full fine-tuning.

Enters: pairs, settings, a base model. Leaves: safetensors and the run's metrics in a folder that
the caller publishes or removes. Nothing is published here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

from finetune.attention import use_short_attention
from finetune.augment.copies import is_copy
from finetune.base_model import BaseModel, load_base, load_tokenizer, pick_device
from finetune.loop import Loop, Progressed, Report
from finetune.lora import add_lora
from finetune.samples import Chat, Sample, make_samples
from postil.errors import ConfigError, TrainingError
from postil.records import Pair
from postil.settings import TrainSettings

METRICS = "metrics.jsonl"
BYTES_OF_BF16 = 2


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a run will do, said before it starts."""

    mode: str
    device: str
    trainable: int
    total: int
    pairs: int
    copies: int = 0
    """Pairs made from others (`[augment]`), those without room included."""
    held_out: int
    without_room: int
    tokens: int
    steps: int

    @property
    def adapter_mb(self) -> float:
        """Megabytes of the weights that are saved, in bf16."""
        return self.trainable * BYTES_OF_BF16 / 1e6


class Prepared(msgspec.Struct, kw_only=True):
    """A model and its samples, ready to run."""

    model: Any
    plan: Plan
    train: list[Sample]
    held_out: list[Sample]


def prepare(pairs: Sequence[Pair], settings: TrainSettings, base: BaseModel) -> Prepared:
    """Load the base, attach low-rank matrices, encode the pairs; raise ConfigError on bad input."""
    learnt = [p for p in pairs if p.split == "train" and p.kind != "ambiguous"]
    measured = [p for p in pairs if p.split == "validation" and p.kind != "ambiguous"]
    if len(learnt) < 2:
        raise ConfigError(f"{len(learnt)} pairs to train on; at least 2 are needed")
    chat = Chat(load_tokenizer(base))
    train, lost = make_samples(chat, learnt, settings.max_length)
    held_out, lost_later = make_samples(chat, measured, settings.max_length)
    if not train:
        raise ConfigError(f"no pair fits into train.max_length = {settings.max_length} tokens")
    torch.manual_seed(settings.seed)
    device = pick_device()
    model: Any = load_base(base, "nf4" if settings.mode == "qlora" else "bf16", device)
    if settings.mode == "full":
        model.requires_grad_(True)
    else:
        model = add_lora(model, settings, base.name)
    if device == "cpu":
        use_short_attention(model)
    model.train()
    plan = Plan(
        mode=settings.mode,
        device=device,
        trainable=sum(p.numel() for p in model.parameters() if p.requires_grad),
        total=_true_size(model),
        pairs=len(train),
        copies=sum(map(is_copy, learnt)),
        held_out=len(held_out),
        without_room=lost + lost_later,
        tokens=sum(len(sample.ids) for sample in train),
        steps=max(1, round(settings.epochs * len(train) / settings.batch)),
    )
    return Prepared(model=model, plan=plan, train=train, held_out=held_out)


def run(prepared: Prepared, settings: TrainSettings, folder: Path, report: Report) -> Progressed:
    """Train and save the best weights as safetensors into `folder`."""
    loop = Loop(prepared.model, settings, prepared.plan.device, folder / METRICS)
    done = loop.run(prepared.train, prepared.held_out, report)
    for parameter in prepared.model.parameters():
        if parameter.requires_grad and not bool(torch.isfinite(parameter).all()):
            raise TrainingError("the trained weights are not finite; lower train.learning_rate")
    # "auto" would look for the base's configuration by a name that is no path
    peft_only = {"save_embedding_layers": False} if hasattr(prepared.model, "peft_config") else {}
    prepared.model.save_pretrained(folder, **peft_only)
    for spare in ("README.md", "generation_config.json"):
        (folder / spare).unlink(missing_ok=True)
    return done


def _true_size(model: nn.Module) -> int:
    """Parameters as numbers, not as packed bytes: two 4-bit values share one byte."""
    return sum(
        2 * p.numel() if p.__class__.__name__ == "Params4bit" else p.numel()
        for p in model.parameters()
    )
