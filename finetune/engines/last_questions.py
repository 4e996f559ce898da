"""The questions read last, kept: what is asked about one of them next is read behind it.

A line, the likelihood of an answer and a choice among remarks are asked of one question in turn,
beside the empty question that remarks are held against. Each would read the question again.
"""

import copy
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch

HELD = 2
"""A window's question and the empty one."""


class LastQuestions:
    """Hidden state at the end, and keys and values, of the `HELD` questions read last."""

    def __init__(self, backbone: Any, device: str) -> None:
        self._backbone, self._device = backbone, device
        self._usable = True
        self._held: OrderedDict[tuple[int, ...], tuple[torch.Tensor, Any]] = OrderedDict()

    def holds(self, question: Sequence[int]) -> bool:
        """Whether it need not be read."""
        return tuple(question) in self._held

    def read(self, question: Sequence[int]) -> tuple[torch.Tensor, Any] | None:
        """Hidden state (1, H) at the question's end, and a cache of its own to go on with.

        None for models whose cache cannot be gone on from under a mask of ours.
        """
        key = tuple(question)
        if not self._usable:
            return None
        if key not in self._held:
            ids = torch.tensor([key]).to(self._device)
            said = self._backbone(input_ids=ids, use_cache=True)
            kept = getattr(said, "past_key_values", None)
            if not _plain(kept, len(key)):
                self._usable = False  # else each question would be read for nothing
                return None
            self._held[key] = (said.last_hidden_state[0, -1:], kept)
        self._held.move_to_end(key)
        while len(self._held) > HELD:
            self._held.popitem(last=False)
        end, kept = self._held[key]
        return end, copy.deepcopy(kept)


def _plain(kept: Any, length: int) -> bool:
    """Whether a cache holds every token of all layers: no sliding window, no running state."""
    layers = getattr(kept, "layers", ())
    return bool(layers) and all(
        isinstance(getattr(layer, "keys", None), torch.Tensor) and layer.keys.shape[-2] == length
        for layer in layers
    )
