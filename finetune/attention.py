"""Attention for training short samples on a CPU: two batched products around a softmax.

torch's fused kernel for CPUs is made for long sequences; forward and backward of samples of a few
hundred tokens take it twice as long as plain products (docs/decisions/002-training-loop.md,
`python -m benchmarks.attention`). Longer ones, masks, caches and everything without a gradient,
so all scoring and writing, go to the fused kernel as before.
"""

from functools import lru_cache
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "postil_short"
LONGEST = 512
"""Tokens. The scores of all heads are kept for the backward pass: T² a head and layer."""


def use_short_attention(model: Any) -> None:
    """Have a transformers model on a CPU attend in this way."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Queries (B, H, T, D), keys and values (B, K, T, D) with K dividing H, to (B, T, H, D).

    The H / K heads that share a key stand side by side, so each group is one product of T · H / K
    rows; keys are not copied for them.
    """
    batch, heads, length, width = query.shape
    groups = key.shape[1]
    square = attention_mask is None and key.shape[2] == length
    if not (square and query.requires_grad and length <= LONGEST):
        output, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **others
        )
        return output, None
    rows = query.reshape(batch * groups, -1, width)
    keys = key.reshape(batch * groups, length, width).transpose(1, 2)
    future = _future(length, heads // groups, query.dtype)
    scores = torch.baddbmm(future, rows, keys, alpha=width**-0.5 if scaling is None else scaling)
    values = value.reshape(batch * groups, length, width)
    seen = torch.bmm(torch.softmax(scores, dim=-1), values)
    return seen.view(batch, heads, length, width).transpose(1, 2).contiguous(), None


@lru_cache(maxsize=8)
def _future(length: int, heads: int, dtype: torch.dtype) -> torch.Tensor:
    """(heads · T, T): minus infinity where a row would see what comes after it."""
    mask = torch.full((length, length), float("-inf"), dtype=dtype).triu(1)
    return mask.repeat(heads, 1)
