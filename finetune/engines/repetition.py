"""A text that goes round in circles: found while it is written, and cut where it begins again."""

from typing import Any

import torch

REPEAT = 3
"""A phrase of this many words said again ends the text there."""

LOOK_EVERY = 8
"""Tokens between two looks at what is being written."""


def cut_repetition(text: str) -> str:
    """Drop everything from the point where the same REPEAT words begin to come again in a row."""
    words = text.split(" ")
    for at in range(len(words) - 2 * REPEAT + 1):
        for size in range(REPEAT, (len(words) - at) // 2 + 1):
            if words[at : at + size] == words[at + size : at + 2 * size]:
                return " ".join(words[: at + size]).strip()
    return text.strip()


class RepeatsItself:
    """A stopping criterion of `generate`: ends each row of its own that has come round again."""

    def __init__(self, tokenizer: Any, asked: int) -> None:
        """`asked`: tokens of the padded prompts, which are not looked at."""
        self._tokenizer = tokenizer
        self._asked = asked

    def __call__(self, ids: torch.Tensor, _scores: Any, **_: Any) -> torch.Tensor:
        """Rows that end here, (B,)."""
        written = ids[:, self._asked :]
        if written.shape[1] % LOOK_EVERY:
            return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
        texts = [str(self._tokenizer.decode(row)) for row in written.tolist()]
        over = [cut_repetition(text) != text.strip() for text in texts]
        return torch.tensor(over, device=ids.device)
