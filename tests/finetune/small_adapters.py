"""Adapters that were never trained: random matrices, large enough that they are heard."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from finetune.adapters import Registry
from finetune.base_model import BaseModel
from finetune.training.team import Team
from finetune.training.train import load_trainable, precision_of, save_weights
from postil.settings import TrainSettings
from tests.finetune.test_adapters import card


def add_adapter(
    base: BaseModel, home: Path, *, seed: int = 1, size: float = 0.05, **train: Any
) -> Path:
    """Publish an adapter of a base as `postil train` would, without its training."""
    settings = TrainSettings(
        **{"mode": "lora", "rank": 4, "seed": seed, "dtype": "bfloat16", **train}
    )
    model = load_trainable(base, settings, Team())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, size)
            elif "magnitude" in name:
                parameter.mul_(1 + 0.1 * torch.rand_like(parameter))
    registry = Registry(home)
    with registry.workspace("o/r") as made:
        save_weights(model, made)
        described = card(
            base=base.name,
            base_sha256=base.sha256,
            mode=settings.mode,
            max_length=1024,
            scoring={"engine": "local", "precision": precision_of(settings, "cpu")},
            created_at=datetime.now(UTC),
        )
        return registry.publish(made, described)
