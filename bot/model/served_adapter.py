"""What the child loads where the weights are behind a server: card, gate and index are here.

`spec` holds the adapter's folder, the server's address, its model's name and the tokenizer's
folder. Where the server gives no log-probabilities the cheap gate decides, and says so.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec

from bot.model.adapter_info import read_info
from bot.model.loaded_adapter import LoadedAdapter
from bot.model.remembering import Remembering, read_voice
from bot.review import ModelInfo
from finetune.engines.served import ServedEngine, open_served
from finetune.gate import CHEAP_GATE_FILE, read_gate
from finetune.recall import Match
from finetune.speaking import Voice
from postil.answer import Anchor
from postil.records import Window

BLIND = "the server gives no log-probabilities: the cheap gate decides where to speak"
SILENT = (
    "the server gives no log-probabilities and the adapter has no cheap gate, so nothing is said;"
    " make it anew with `postil train`"
)


class ServedAdapter(LoadedAdapter):
    """A `bot.review.Model` over one adapter of a server."""

    def __init__(self, info: ModelInfo, engine: ServedEngine, voice: Voice) -> None:
        super().__init__(info, lambda: nullcontext(engine), voice, None)
        self._engine = engine

    def score(self, instructions: Sequence[str]) -> list[float]:
        """Log-odds of speaking; 0 for all where the server gives none, as the cheap gate asks."""
        return super().score(instructions) if self._engine.has_scores else [0.0] * len(instructions)

    def anchor_scores(self, window: Window, allowed: Sequence[Anchor]) -> list[float]:
        """Log-probability of each anchor; without any, the row most like one remarked on before,
        else a changed row."""
        if self._engine.has_scores:
            return super().anchor_scores(window, allowed)
        places = Remembering.anchor_scores(self, window, allowed)
        changed = [window.lines[anchor.start - 1].kind != " " for anchor in allowed]
        return [place + 0.5 * new for place, new in zip(places, changed, strict=True)]

    def _ranked(self, window: Window, place: Anchor) -> list[Match]:
        """Past remarks, best first; only the most similar where the server weighs no answers."""
        if self._engine.has_scores and self._engine.weighs_answers:
            return super()._ranked(window, place)
        return Remembering._ranked(self, window, place)

    def turned_to(self, spec: Mapping[str, str]) -> "ServedAdapter":
        """Another adapter, of this or another server."""
        self._engine.close()
        return load(spec)


def load(spec: Mapping[str, str]) -> ServedAdapter:
    """Read the card and ask the server what it gives."""
    folder = Path(spec["adapter"])
    card, info = read_info(folder, spec.get("repo", ""))
    engine = open_served(spec["url"], spec["model"], Path(spec["tokenizer"]), card.max_length)
    voice = read_voice(folder, card, spec.get("repo", ""))
    if not engine.has_scores:
        cheap = folder / CHEAP_GATE_FILE
        gate = read_gate(cheap) if CHEAP_GATE_FILE in card.files else None
        voice = msgspec.structs.replace(voice, gate=gate)
        note = BLIND if gate else SILENT
        info = msgspec.structs.replace(info, threshold=voice.threshold, note=note)
    return ServedAdapter(info, engine, voice)
