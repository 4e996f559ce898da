"""How much memory and time a run will take, measured on itself before it starts.

The dearest forward pass and a usual step of the very run are taken, forward and backward, and
thrown away. So the figures hold for this machine, base and data; early stopping may end sooner.
"""

import statistics
import time
from collections.abc import Sequence
from itertools import islice

import msgspec
import torch

from finetune.training.batches import batches, read_pass
from finetune.training.forecast import BEST
from finetune.training.held_out import held_out_loss
from finetune.training.loop import Loop
from finetune.training.losses import answer_losses
from finetune.training.memory import Meter
from finetune.training.samples import Sample

LOOKED_AT = 64
"""Batches, from the first, among which the dearest pass is looked for."""
TAKEN = 5
"""Steps, of batches from the smallest to the largest: allocators hold more as sizes vary. The
first warms up."""
GROWS = 0.35
"""A heap on a CPU goes on growing for some steps as sizes vary, by about that share of what the
dearest pass takes (fitted on eight runs, docs/log.md, 2026-11-25). A GPU's allocator is measured by
what torch asked of it, and does not."""
ASKED = 8
"""Held-out samples read."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes at the peak, the libraries' and the model's included, and seconds to the last step."""

    peak: int
    seconds: float


def probe(loop: Loop, train: Sequence[Sample], held_out: Sequence[Sample], steps: int) -> Estimate:
    """Measure; the weights, and the optimiser as it was new, are left as they were."""
    settings, team = loop.settings, loop.team
    order = batches(train, settings.batch, settings.seed)
    some = list(islice(order, min(steps, LOOKED_AT)))
    read = [team.passes(batch, settings.micro_tokens, packed=loop.packed) for batch in some]
    meter = Meter(team.device)
    meter.reset()
    before = meter.used()
    cost = _tokens if loop.packed else _padded
    _pass(loop, max((group for groups in read for group in groups), key=cost))
    grows = GROWS * (meter.peak() - before) if torch.device(team.device).type == "cpu" else 0.0
    by_size = sorted(range(len(some)), key=lambda at: _tokens(some[at]))
    chosen = [by_size[round(at * (len(some) - 1) / (TAKEN - 1))] for at in range(TAKEN)]
    spent = [_timed_step(loop, read[at]) for at in chosen]
    a_token = sum(spent[1:]) / sum(_tokens(some[at]) for at in chosen[1:])
    seconds = steps * a_token * statistics.fmean(_tokens(batch) for batch in some)
    if held_out:
        every = max(1, round(len(train) / settings.batch / settings.evaluations))
        seconds += (1 + max(1, steps // every)) * _asking(loop, held_out)
    best = BEST * loop.masters.values.numel() if held_out else 0
    return Estimate(peak=int(meter.peak() + best + grows), seconds=seconds)


def _timed_step(loop: Loop, groups: Sequence[Sequence[Sample]]) -> float:
    started = time.monotonic()
    for group in groups:
        _pass(loop, group)
    gradients = loop.masters.gradients()
    loop.masters.step(torch.zeros_like(gradients), 0.0)
    loop.masters.optimizer.state.clear()
    return time.monotonic() - started


def _asking(loop: Loop, held_out: Sequence[Sample]) -> float:
    """Seconds of one held-out evaluation, from a few of its samples."""
    by_length = sorted(held_out, key=lambda sample: len(sample.ids))
    part = by_length[:: max(1, len(held_out) // ASKED)]
    started = time.monotonic()
    most = loop.settings.micro_tokens
    held_out_loss(loop.model, part, loop.team, most=most, packed=loop.packed)
    return (time.monotonic() - started) / _tokens(part) * _tokens(held_out)


def _pass(loop: Loop, group: Sequence[Sample]) -> None:
    losses, weights = answer_losses(
        loop.model, read_pass(group, loop.team.device, packed=loop.packed)
    )
    (losses * weights).sum().backward()  # type: ignore[no-untyped-call]


def _tokens(samples: Sequence[Sample]) -> int:
    return sum(len(sample.ids) for sample in samples)


def _padded(group: Sequence[Sample]) -> int:
    return len(group) * max(len(sample.ids) for sample in group)
