"""The loss that a run is stopped on."""

from collections.abc import Sequence
from typing import Any

import torch

from finetune.training.batches import read_pass
from finetune.training.losses import answer_losses
from finetune.training.samples import Sample
from finetune.training.team import Team


@torch.no_grad()
def held_out_loss(
    model: Any,
    samples: Sequence[Sample],
    team: Team | None = None,
    *,
    most: int = 2048,
    packed: bool = False,
) -> float:
    """Mean loss a sample, weighted as in training: what is stopped on is what is learned.

    The plain loss a token is mostly wording, which stops improving long before the decision to
    speak does. `most`: tokens of a forward pass.
    """
    team = team or Team()
    was = model.training
    model.eval()
    total = torch.zeros(1, dtype=torch.float64)
    for group in team.passes(samples, most, packed=packed):
        losses, weights = answer_losses(model, read_pass(group, team.device, packed=packed))
        total += (losses * weights).sum().cpu()
    model.train(was)
    return float(team.add_up(total.to(team.device))) / len(samples)
