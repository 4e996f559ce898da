"""An adapter that only remembers: its gate and its accepted remarks, no weights and no base.

It speaks where the cheap features say so, at the row most like the rows that were remarked on, in
the words of the past remark. Imports no torch; adapters with weights remember as well
(`bot.model.loaded_adapter`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.model.adapter_info import read_info
from bot.review import ModelInfo, Recalled
from finetune.feature_names import SPEAK
from finetune.features import window_features
from finetune.fitting import best_place, fitting
from finetune.gate import GATE_FILE, read_gate
from finetune.pooling import gate_file, shown_entries
from finetune.recall import INDEX_FILE, SHOWN, Match, Recall
from finetune.speaking import Voice, way_of
from finetune.topics import TOPICS_FILE, Fired, read_topics
from postil.answer import Anchor
from postil.errors import AdapterError
from postil.records import AdapterCard, Window


class Remembering:
    """A `bot.review.Model` over what an adapter's folder remembers."""

    def __init__(self, info: ModelInfo, voice: Voice) -> None:
        self.info = info
        self._voice = voice

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
            self._voice.chance(window, self._gated(window, score, newcomer))
            for window, score in zip(windows, scores, strict=True)
        ]

    def _gated(self, window: Window, score: float, newcomer: bool | None) -> float:
        gate = self._voice.gate
        if gate is None:
            return 0.0
        return gate.probability(window_features(window, self._voice.recall, None, score, newcomer))

    def anchor_scores(self, window: Window, allowed: Sequence[Anchor]) -> list[float]:
        """1 for the row most like one that drew a remark, else 0."""
        place = self._due_place(window)
        if place is None:
            place = best_place(self._voice.recall, window, None)
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
            if due := self._voice.due(window):
                own = match_of(due)
                matches = [own, *(m for m in matches if m.entry != own.entry)][:SHOWN]
            found.append([recalled(match, offered(match, window, place)) for match in matches])
        return found

    def _ranked(self, window: Window, place: Anchor) -> list[Match]:
        """Past remarks that fit the place, best first; in a question, those on similar code, as in
        training."""
        if self.info.way == "recall+write":
            return self._voice.recall.similar(window, None, SHOWN)
        return fitting(self._voice.recall, window, place, None, SHOWN)

    def _due_place(self, window: Window) -> Anchor | None:
        due = self._voice.due(window)
        return match_of(due).anchor(window) if due else None


def match_of(fired: Fired) -> Match:
    """A topic's remark as any other past remark; alike by its row."""
    return Match(
        entry=fired.entry,
        similarity=fired.likeness,
        row=fired.row,
        row_similarity=fired.likeness,
    )


def recalled(match: Match, suggestion: str | None = None) -> Recalled:
    """What a review needs to know of a match, and the suggestion that it may make again."""
    shown, like = match.precedent(), match.resemblance()
    return Recalled(message=shown.message, resembles=like, code=shown.code, suggestion=suggestion)


def offered(match: Match, window: Window, place: Anchor) -> str | None:
    """The past suggestion, where what it replaced stands here again to the letter."""
    rows = [line.text for line in window.lines[place.start - 1 : place.end]]
    same = place.side == "R" and rows == match.entry.rows()
    return match.entry.suggestion if same else None


def load(spec: Mapping[str, str]) -> Remembering:
    """Read and verify; AdapterError for whatever is not what its card says."""
    folder = Path(spec["adapter"])
    repo = spec.get("repo", "")
    card, info = read_info(folder, repo)
    voice = read_voice(folder, card, repo)
    if card.has_weights or (voice.gate and SPEAK in voice.gate.features):
        raise AdapterError(f"{folder}: not made to be used without a model")
    return Remembering(info, voice)


def read_voice(folder: Path, card: AdapterCard, repo: str = "") -> Voice:
    """The gate, where it was calibrated, the accepted remarks of an adapter, and their topics.

    Of a pooled adapter only what belongs to `repo`: no remark is shown in another repository.
    """
    deciding = gate_file(card, repo, GATE_FILE)
    gate = read_gate(folder / deciding) if deciding in card.files else None
    recall = Recall.read(folder / INDEX_FILE) if INDEX_FILE in card.files else Recall(())
    if card.pooled:
        recall = Recall(shown_entries(recall.entries, card, repo))
        return Voice(way=way_of(card), gate=gate, recall=recall)
    topics = read_topics(folder / TOPICS_FILE, recall) if TOPICS_FILE in card.files else []
    return Voice(way=way_of(card), gate=gate, recall=recall, topics=tuple(topics))
