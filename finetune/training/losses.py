"""Losses at the learned positions of a batch.

The head runs on those positions only, some at a time, and its logits are computed again in the
backward pass: with a vocabulary of 49,000, logits of all positions would cost gigabytes.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from finetune.training.batches import Batch, collate, pack
from finetune.training.samples import IGNORE, Sample

POSITIONS = 256
"""Positions whose logits exist at once: 50 MB in float32 with a vocabulary of 49,000."""


def bare(model: Any) -> Any:
    """The causal language model under a peft wrapper."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def answer_losses(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy in nats at every learned position, (N,), and its weights, (N,)."""
    causal = bare(model)
    backbone = getattr(causal, causal.base_model_prefix)
    hidden = backbone(**batch.inputs(), use_cache=False).last_hidden_state
    learned = batch.labels[:, 1:] != IGNORE
    chosen, wanted = hidden[:, :-1][learned], batch.labels[:, 1:][learned]
    parts = [
        checkpoint(_cross_entropy, causal, some, labels, use_reentrant=False)
        for some, labels in zip(
            torch.split(chosen, POSITIONS), torch.split(wanted, POSITIONS), strict=True
        )
    ]
    return torch.cat(parts), batch.weights[:, 1:][learned]


def _cross_entropy(causal: Any, hidden: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(head_logits(causal, hidden), labels, reduction="none")


def head_logits(
    causal: Any, hidden: torch.Tensor, tokens: Sequence[int] | None = None
) -> torch.Tensor:
    """Float32 logits of chosen hidden states, with the scaling that some families put behind.

    Of all tokens, or of a few: those are computed in float32, where bfloat16 would round logits
    of 16 to steps of an eighth and make ties of what differs.
    """
    head = causal.get_output_embeddings()
    if tokens is None:
        logits: torch.Tensor = head(hidden).float()
    else:
        rows = list(tokens)
        bias = None if head.bias is None else head.bias[rows].float()
        logits = functional.linear(hidden.float(), head.weight[rows].float(), bias)
    cap = getattr(causal.config, "final_logit_softcapping", None)
    if cap:
        logits = cap * torch.tanh(logits / cap)
    logits = logits / (getattr(causal.config, "logits_scaling", None) or 1.0)
    return logits * (getattr(causal.config, "logit_scale", None) or 1.0)


def picked_log_probabilities(
    causal: Any, hidden: torch.Tensor, wanted: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], float]:
    """Log-probability of each wanted (row, token), given hidden states (N, H)."""
    found: dict[tuple[int, int], float] = {}
    for start in range(0, len(hidden), POSITIONS):
        here = [one for one in wanted if start <= one[0] < start + POSITIONS]
        if here:
            logits = head_logits(causal, hidden[start : start + POSITIONS]).log_softmax(-1)
            rows, tokens = [row - start for row, _ in here], [token for _, token in here]
            found |= zip(here, logits[rows, tokens].tolist(), strict=True)
    return found


ROUNDING = 0.1
"""Nats, in the mean. bfloat16 products of another shape round otherwise."""


@torch.no_grad()
def packs_cleanly(model: Any, samples: Sequence[Sample], device: str) -> bool:
    """Whether a sample in a packed row has the loss it has alone, tried on this very model.

    A family whose layers carry a state along the row, or that ignores positions, is found out: the
    losses of a sample must not move by a bit when the sample before it is turned around.
    """
    if len(samples) < 2:
        return False
    second, first = sorted(samples, key=lambda sample: len(sample.ids))[:2]
    turned = msgspec.structs.replace(first, ids=first.ids[::-1])
    was = model.training
    model.eval()
    try:
        alone, _ = answer_losses(model, collate([second], device))
        behind = [
            answer_losses(model, pack([before, second], device))[0][-second.learned :]
            for before in (first, turned)
        ]
    except TypeError:  # no such thing as positions
        return False
    finally:
        model.train(was)
    apart = torch.equal(*behind)
    return apart and bool((behind[0] - alone).abs().mean() < ROUNDING)
