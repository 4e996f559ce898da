"""An adapter that only remembers: its gate and its accepted remarks, no weights and no base.

It speaks where the cheap features say so, at the row most like the rows that were remarked on, in
the words of the past remark. Imports no torch; adapters with weights remember as well
(`bot.loaded_adapter`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.adapter_info import read_info
from bot.review import ModelInfo, Recalled
from finetune.features import SPEAK, window_features
from finetune.gate import GATE_FILE, Gate, read_gate
from finetune.recall import INDEX_FILE, Recall
from postil.answer import Anchor
from postil.errors import AdapterError
from postil.records import AdapterCard, Window

REMEMBERED = 3
"""Past remarks looked at for one window, as in training the gate."""


class Remembering:
    """A `bot.review.Model` over what an adapter's folder remembers."""

    def __init__(self, info: ModelInfo, gate: Gate | None, recall: Recall) -> None:
        self.info = info
        self._gate = gate
        self._recall = recall

    def turned_to(self, spec: Mapping[str, str]) -> "Remembering":
        """Another adapter without weights, in the same process."""
        return load(spec)

    def load(self) -> None:
        """It is loaded."""

    def score(self, instructions: Sequence[str]) -> list[float]:
        """No opinion: there is no model, and the gate asks for none."""
        return [0.0] * len(instructions)

    def gate(self, windows: Sequence[Window], scores: Sequence[float]) -> list[float]:
        """Probability of an accepted remark, by everything that is remembered."""
        gate = self._gate
        if gate is None:
            return [0.0] * len(windows)
        return [
            gate.probability(window_features(window, self._recall, None, score))
            for window, score in zip(windows, scores, strict=True)
        ]

    def anchor_scores(self, window: Window, allowed: Sequence[Anchor]) -> list[float]:
        """1 for the row most like the rows of the remark that is quoted, else 0."""
        places = [
            match.anchor(window) for match in self._recall.similar(window, None, REMEMBERED)[:1]
        ]
        return [float(anchor in places) for anchor in allowed]

    def write(
        self, instructions: Sequence[str], places: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """It has no words of its own."""
        return [""] * len(instructions)

    def recall(self, windows: Sequence[Window]) -> list[list[Recalled]]:
        """Past remarks like each window."""
        return [
            [
                Recalled(message=match.entry.message, resembles=match.resemblance())
                for match in self._recall.similar(window, None, REMEMBERED)
            ]
            for window in windows
        ]


def load(spec: Mapping[str, str]) -> Remembering:
    """Read and verify; AdapterError for whatever is not what its card says."""
    folder = Path(spec["adapter"])
    card, info = read_info(folder)
    gate, recall = read_memory(folder, card)
    if card.has_weights or (gate and SPEAK in gate.features):
        raise AdapterError(f"{folder}: not made to be used without a model")
    return Remembering(info, gate, recall)


def read_memory(folder: Path, card: AdapterCard) -> tuple[Gate | None, Recall]:
    """The gate, where it was calibrated, and the accepted remarks of an adapter."""
    gate = read_gate(folder / GATE_FILE) if GATE_FILE in card.files else None
    recall = Recall.read(folder / INDEX_FILE) if INDEX_FILE in card.files else Recall(())
    return gate, recall
