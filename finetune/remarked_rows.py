"""The rows that accepted remarks stood on, and which of them a piece of code is like.

Likeness is weighted Dice: what two pieces share of their tokens, rare ones counting more, 0 to 1.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from math import fsum

import numpy as np
from numpy.typing import NDArray

from finetune.tokens import token_set


class RemarkedRows:
    """One piece of code an entry, in time order; found by the tokens in it."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._tokens = [token_set(text) for text in texts]
        holders = defaultdict[str, list[int]](list)
        for number, tokens in enumerate(self._tokens):
            for token in tokens:
                holders[token].append(number)
        self._holders = {token: np.array(held, dtype=np.intp) for token, held in holders.items()}
        # Weights are kept for as long as questions come of the same time.
        self._weights = np.zeros(0)

    def likeness(
        self, text: str, known: int, weight: Callable[[str], float]
    ) -> NDArray[np.float64]:
        """Of each of the first `known` entries; `weight`: of a token, among those entries."""
        tokens = sorted(token_set(text))  # a set has another order in every process
        shared = np.zeros(known)
        for token in tokens:
            if token in self._holders:
                held = self._holders[token]
                shared[held[: np.searchsorted(held, known)]] += weight(token)
        whole = self._weights_of(known, weight) + fsum(map(weight, tokens))
        return np.divide(2 * shared, whole, out=np.zeros(known), where=whole > 0)

    def _weights_of(self, known: int, weight: Callable[[str], float]) -> NDArray[np.float64]:
        if len(self._weights) != known:
            sums = (fsum(map(weight, tokens)) for tokens in self._tokens[:known])
            self._weights = np.fromiter(sums, np.float64, known)
        return self._weights
