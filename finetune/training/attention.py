"""Attention for training short samples on a CPU: two batched products around a softmax.

torch's fused kernel for CPUs is made for long sequences; forward and backward of samples of a few
hundred tokens take it twice as long as plain products (docs/decisions/002-training-loop.md,
`python -m benchmarks.attention`). Longer ones, masks, caches and everything without a gradient,
so all scoring and writing, go to the fused kernel as before. Samples packed into one row are taken
one by one, so that none can see another and nothing is computed between them.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch.nn import functional
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
    lengths: Sequence[int] = (),
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Queries (B, H, T, D), keys and values (B, K, T, D) with K dividing H, to (B, T, H, D).

    `lengths`: of the samples packed into the one row; each then attends to itself alone.
    """
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    window = others.get("sliding_window")
    if lengths and not (window and max(lengths) > window):
        parts = (torch.split(part, list(lengths), dim=2) for part in (query, key, value))
        rows = [_causal(q, k, v, scale) for q, k, v in zip(*parts, strict=True)]
        return torch.cat(rows, dim=1), None
    square = attention_mask is None and key.shape[2] == query.shape[2]
    if square and query.requires_grad and key.shape[2] <= LONGEST:
        return _causal(query, key, value, scale), None
    output, _ = sdpa_attention_forward(
        module, query, key, value, attention_mask, scaling=scaling, **others
    )
    return output, None


def _causal(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
) -> torch.Tensor:
    """Of one sample a row. The H / K heads that share a key stand side by side, so each group is
    one product of T · H / K rows; keys are not copied for them."""
    if not query.requires_grad or query.shape[2] > LONGEST:
        fused = functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scale, enable_gqa=True
        )
        return fused.transpose(1, 2).contiguous()
    batch, heads, length, width = query.shape
    groups = key.shape[1]
    rows = query.reshape(batch * groups, -1, width)
    keys = key.reshape(batch * groups, length, width).transpose(1, 2)
    future = _future(length, heads // groups, query.dtype)
    scores = torch.baddbmm(future, rows, keys, alpha=scale)
    values = value.reshape(batch * groups, length, width)
    seen = torch.bmm(torch.softmax(scores, dim=-1), values)
    return seen.view(batch, heads, length, width).transpose(1, 2).contiguous()


@lru_cache(maxsize=64)
def _future(length: int, heads: int, dtype: torch.dtype) -> torch.Tensor:
    """(heads · T, T): minus infinity where a row would see what comes after it."""
    mask = torch.full((length, length), float("-inf"), dtype=dtype).triu(1)
    return mask.repeat(heads, 1)
