"""An adapter that only remembers: its gate and its accepted remarks, no weights and no base.

It speaks where the cheap features say so, at the row most like the rows that were remarked on, in
the words of the past remark. Imports no torch; adapters with weights remember as well
(`bot.model.loaded_adapter`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bot.model.adapter_info import read_info
from bot.review import ModelInfo, Recalled
from finetune.features import SPEAK, window_features
from finetune.gate import GATE_FILE, Gate, read_gate
from finetune.recall import INDEX_FILE, Match, Recall
from finetune.topics import TOPICS_FILE, Fired, Topic, fire, read_topics
from postil.answer import Anchor
from postil.errors import AdapterError
from postil.records import AdapterCard, Window

REMEMBERED = 3
"""Past remarks looked at for one window, as in training the gate."""
BELOW = 0.999
"""Times a threshold: just under it."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter's folder remembers, with or without weights."""

    gate: Gate | None = None
    """None: it was never calibrated."""
    recall: Recall
    topics: tuple[Topic, ...] = ()


class Remembering:
    """A `bot.review.Model` over what an adapter's folder remembers."""

    def __init__(self, info: ModelInfo, memory: Memory) -> None:
        self.info = info
        self._memory = memory

    def turned_to(self, spec: Mapping[str, str]) -> "Remembering":
        """Another adapter without weights, in the same process."""
        return load(spec)

    def load(self) -> None:
        """It is loaded."""

    def score(self, instructions: Sequence[str]) -> list[float]:
        """No opinion: there is no model, and the gate asks for none."""
        return [0.0] * len(instructions)

    def gate(
        self, windows: Sequence[Window], scores: Sequence[float], newcomer: bool | None = None
    ) -> list[float]:
        """Probability of an accepted remark, by everything that is remembered."""
        return [
            self._chance(window, score, newcomer)
            for window, score in zip(windows, scores, strict=True)
        ]

    def _chance(self, window: Window, score: float, newcomer: bool | None) -> float:
        """A topic that is due speaks by its own threshold, whatever the gate says; where the gate
        has none, nothing else speaks."""
        due, gate, threshold = self._due(window), self._memory.gate, self.info.threshold
        chance = 0.0
        if gate is not None:
            values = window_features(window, self._memory.recall, None, score, newcomer)
            chance = gate.probability(values)
        if due and threshold is not None:
            return max(chance, due.topic.precision or 0.0, threshold)
        if gate is not None and gate.threshold is None and threshold is not None:
            return min(chance, threshold * BELOW)
        return chance

    def anchor_scores(self, window: Window, allowed: Sequence[Anchor]) -> list[float]:
        """1 for the row most like the rows of the remark that is quoted, else 0."""
        place = self._due_place(window)
        if place is None:
            past = self._memory.recall.similar(window, None, REMEMBERED)
            place = past[0].anchor(window) if past else None
        return [float(anchor == place) for anchor in allowed]

    def write(
        self, instructions: Sequence[str], places: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """It has no words of its own."""
        return [""] * len(instructions)

    def recall(self, windows: Sequence[Window], places: Sequence[Anchor]) -> list[list[Recalled]]:
        """Past remarks like each window; that of a topic that is due comes first."""
        found = []
        for window, place in zip(windows, places, strict=True):
            matches = self._ranked(window, place)
            if due := self._due(window):
                own = match_of(due)
                matches = [own, *(m for m in matches if m.entry != own.entry)][:REMEMBERED]
            found.append([recalled(match) for match in matches])
        return found

    def _ranked(self, window: Window, place: Anchor) -> list[Match]:
        """Past remarks, best first; here the most similar."""
        return self._memory.recall.similar(window, None, REMEMBERED)

    def _due(self, window: Window) -> Fired | None:
        """The topic to speak of; only an adapter that quotes can."""
        if self.info.way != "recall":
            return None
        return fire(self._memory.topics, self._memory.recall, window, None)

    def _due_place(self, window: Window) -> Anchor | None:
        due = self._due(window)
        return match_of(due).anchor(window) if due else None


def match_of(fired: Fired) -> Match:
    """A topic's remark as any other past remark; alike by its row."""
    return Match(
        entry=fired.entry,
        similarity=fired.likeness,
        row=fired.row,
        row_similarity=fired.likeness,
    )


def recalled(match: Match) -> Recalled:
    """What a review needs to know of a match."""
    shown = match.precedent()
    return Recalled(message=shown.message, resembles=match.resemblance(), code=shown.code)


def load(spec: Mapping[str, str]) -> Remembering:
    """Read and verify; AdapterError for whatever is not what its card says."""
    folder = Path(spec["adapter"])
    card, info = read_info(folder)
    memory = read_memory(folder, card)
    if card.has_weights or (memory.gate and SPEAK in memory.gate.features):
        raise AdapterError(f"{folder}: not made to be used without a model")
    return Remembering(info, memory)


def read_memory(folder: Path, card: AdapterCard) -> Memory:
    """The gate, where it was calibrated, the accepted remarks of an adapter, and their topics."""
    gate = read_gate(folder / GATE_FILE) if GATE_FILE in card.files else None
    recall = Recall.read(folder / INDEX_FILE) if INDEX_FILE in card.files else Recall(())
    topics = read_topics(folder / TOPICS_FILE, recall) if TOPICS_FILE in card.files else []
    return Memory(gate=gate, recall=recall, topics=tuple(topics))
