"""Samples -> the batches of a run in their order, and the tensors of one forward pass.

The order depends on the seed alone, so a run that goes on after a kill sees the batches it would
have seen. A forward pass reads either padded rows or one packed row, in which every sample has
positions of its own; whether samples then see each other is the attention's business.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import msgspec
import torch

from finetune.training.samples import IGNORE, Sample

POOL = 8
"""Batches whose samples are sorted by length together."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One forward pass: `ids` and `labels` (B, T) int64, `weights` (B, T) float32.

    Packed: B is 1, `positions` (1, T) start anew at every sample, `lengths` are the samples'.
    """

    ids: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor
    positions: torch.Tensor | None = None
    lengths: tuple[int, ...] = ()

    def inputs(self) -> dict[str, Any]:
        """What a transformers model is called with."""
        if self.positions is None:
            return {"input_ids": self.ids}
        return {"input_ids": self.ids, "position_ids": self.positions, "lengths": self.lengths}


def collate(samples: Sequence[Sample], device: str) -> Batch:
    """Right-padded rows.

    No attention mask is needed: attention is causal, so nothing learned ever looks at padding.
    Labels are masked by position, never by token id: the pad token may equal the end token.
    """
    width = max(len(sample.ids) for sample in samples)
    ids = torch.zeros((len(samples), width), dtype=torch.long)
    labels = torch.full((len(samples), width), IGNORE)
    weights = torch.zeros((len(samples), width))
    for row, sample in enumerate(samples):
        length = len(sample.ids)
        ids[row, :length] = torch.tensor(sample.ids)
        labels[row, :length] = torch.tensor(sample.labels)
        weights[row, :length] = torch.tensor(sample.weights)
    return Batch(ids=ids.to(device), labels=labels.to(device), weights=weights.to(device))


def pack(samples: Sequence[Sample], device: str) -> Batch:
    """One row without padding. The first token of a sample is never a label, so no sample is
    predicted from the one before it."""
    ids = torch.tensor([[token for sample in samples for token in sample.ids]])
    labels = torch.tensor([[token for sample in samples for token in sample.labels]])
    weights = torch.tensor([[weight for sample in samples for weight in sample.weights]])
    lengths = tuple(len(sample.ids) for sample in samples)
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    return Batch(
        ids=ids.to(device),
        labels=labels.to(device),
        weights=weights.to(device),
        positions=positions.to(device),
        lengths=lengths,
    )


def read_pass(samples: Sequence[Sample], device: str, *, packed: bool) -> Batch:
    """The tensors of one forward pass."""
    return (pack if packed else collate)(samples, device)


def micro_batches(samples: Sequence[Sample], most: int, *, packed: bool) -> Iterator[list[Sample]]:
    """Length-sorted groups of at most `most` tokens, padding counted; at least one sample each."""
    group: list[Sample] = []
    filled = 0
    for sample in sorted(samples, key=lambda sample: len(sample.ids)):
        length = len(sample.ids)
        wanted = filled + length if packed else length * (len(group) + 1)
        if group and wanted > most:
            yield group
            group, filled = [], 0
        group.append(sample)
        filled += length
    if group:
        yield group


def batches(train: Sequence[Sample], size: int, seed: int) -> Iterator[list[Sample]]:
    """Batches without end, of like lengths; every epoch shuffles anew from the seed.

    Within a pool of some batches samples are sorted by their question, so little padding is
    computed. Answers do not count: a batch of short ones would hold nothing but silences.
    """
    rng = Random(seed)  # noqa: S311 - an order, not a secret
    order: list[Sample] = []
    while True:
        while len(order) < size * POOL:
            order += rng.sample(train, len(train))
        pool = sorted(order[: size * POOL], key=_question_length)
        order = order[size * POOL :]
        ready = [pool[i * size :][:size] for i in range(POOL)]
        rng.shuffle(ready)
        while ready:
            yield ready.pop()


def _question_length(sample: Sample) -> int:
    return len(sample.ids) - sample.learned
