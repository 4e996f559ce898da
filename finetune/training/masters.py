"""Float32 masters of the weights that train, and their optimiser.

The live weights compute in bf16; their masters are one vector, so that the optimiser is one call
and not thousands of small ones, and rounding does not swallow small updates.
"""

import math
from typing import Any

import torch

from postil.settings import TrainSettings

Numbers = dict[str, int | float]


class Masters:
    """The trainable weights of a model as one vector, (N,) float32, with AdamW on it."""

    def __init__(self, model: Any, settings: TrainSettings, device: str) -> None:
        self.live = [p for p in model.parameters() if p.requires_grad]
        self.values = torch.cat([p.detach().float().flatten() for p in self.live])
        self.optimizer = _make_optimizer(self.values, settings, device)

    def gradients(self) -> torch.Tensor:
        """All gradients as one vector; those of the live weights are freed."""
        parts = [_gradient(p).float().flatten() for p in self.live]
        for parameter in self.live:
            parameter.grad = None
        return torch.cat(parts)

    def step(self, gradients: torch.Tensor, rate: float) -> None:
        """One update, and the rounded result into the live weights."""
        self.values.grad = gradients
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.values.grad = None
        self.publish(self.values)

    @torch.no_grad()
    def publish(self, values: torch.Tensor) -> None:
        """Round a vector of values into the weights that compute."""
        parts = torch.split(values, [p.numel() for p in self.live])
        for part, live in zip(parts, self.live, strict=True):
            live.copy_(part.view_as(live))

    def state(self) -> tuple[dict[str, torch.Tensor], Numbers]:
        """Everything to go on from, as tensors and numbers by name."""
        tensors, numbers = {"values": self.values}, {}
        for name, value in self.optimizer.state.get(self.values, {}).items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer.{name}"] = value
            else:
                numbers[name] = value
        return tensors, numbers

    def restore(self, tensors: dict[str, torch.Tensor], numbers: Numbers) -> None:
        """Take up a state that `state` gave."""
        with torch.no_grad():
            self.values.copy_(tensors["values"])
        known = {
            name.removeprefix("optimizer."): value.to(self.values.device)
            for name, value in tensors.items()
            if name.startswith("optimizer.")
        }
        if known:
            self.optimizer.state[self.values] = {**known, **numbers}
        self.publish(self.values)


def schedule(kind: str, step: int, steps: int, warmup: float) -> float:
    """Share of the learning rate at a step, 1-based: linear warm-up, then down by `kind`.

    As in transformers the end lies one step behind the last, so that no step is without effect.
    """
    rising = max(1.0, warmup * steps)
    if step < rising:
        return step / rising
    done = min(1.0, (step - rising) / max(1.0, steps - rising + 1))
    if kind == "constant":
        return 1.0
    if kind == "linear":
        return 1.0 - done
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * done))


def _gradient(parameter: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _make_optimizer(
    values: torch.Tensor, settings: TrainSettings, device: str
) -> torch.optim.Optimizer:
    """AdamW; on a GPU bitsandbytes' paged 8-bit one, as QLoRA prescribes.

    There are no pages on a CPU; the 8-bit moments are the same.
    """
    gpu = device.startswith("cuda")
    rate = settings.learning_rate
    if settings.optimizer == "paged_adamw_8bit" or (settings.optimizer == "auto" and gpu):
        from bitsandbytes.optim import adamw

        kind: Any = adamw.PagedAdamW8bit if gpu else adamw.AdamW8bit
        eight: torch.optim.Optimizer = kind([values], lr=rate, weight_decay=0.0)
        return eight
    return torch.optim.AdamW([values], lr=rate, weight_decay=0.0, fused=True)
