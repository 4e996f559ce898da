"""Questions that begin alike: their common beginning is read once, its keys and values shared.

Every question of ours begins with the same frame and instruction, a tenth of a usual one.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch

SHORTEST = 8
"""Tokens; sharing fewer costs more than it saves."""


def common_prefix(rows: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The ids all rows begin with, at most all but the last of each; () for fewer than two rows."""
    if len(rows) < 2:
        return ()
    first, most = rows[0], min(len(row) for row in rows) - 1
    same = 0
    while same < most and all(row[same] == first[same] for row in rows):
        same += 1
    return tuple(first[:same]) if same >= SHORTEST else ()


def read_prefix(backbone: Any, prefix: Sequence[int], device: str) -> Any:
    """The model's own cache of a beginning; None where it keeps none that can be repeated."""
    if not prefix:
        return None
    ids = torch.tensor([list(prefix)]).to(device)
    kept = getattr(backbone(input_ids=ids, use_cache=True), "past_key_values", None)
    return kept if hasattr(kept, "batch_repeat_interleave") else None


def read_on(backbone: Any, ids: torch.Tensor, kept: Any, past: int) -> torch.Tensor:
    """Hidden states (B, T, H) of right-padded rows (B, T) that go on after `past` kept tokens."""
    if kept is None:
        hidden: torch.Tensor = backbone(input_ids=ids, use_cache=False).last_hidden_state
        return hidden
    own = copy.deepcopy(kept)
    own.batch_repeat_interleave(len(ids))
    positions = torch.arange(past, past + ids.shape[1], device=ids.device)[None]
    hidden = backbone(
        input_ids=ids,
        past_key_values=own,
        position_ids=positions.expand(len(ids), -1),
        use_cache=True,
    ).last_hidden_state
    return hidden
