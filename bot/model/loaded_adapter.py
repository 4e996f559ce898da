"""What the child loads: an adapter's card, its engine on the verified base, its gate, its index.

The base stays: an adapter of another repository on the same base is put beside the first.
`spec` holds paths and names only. The base was found (and fetched, if need be) by the parent;
nothing is downloaded here.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import cast

from bot.model.adapter_info import read_info
from bot.model.remembering import Remembering, read_voice
from bot.review import ModelInfo
from finetune.base_model import BaseModel
from finetune.engines import Engine
from finetune.engines.local import LocalEngine
from finetune.engines.shelf import Shelf
from finetune.loaded_base import Precision
from finetune.processor import prepare_processor
from finetune.recall import SHOWN, Match
from finetune.speaking import Voice
from finetune.ways import quotable, rank
from postil.answer import Anchor
from postil.errors import ModelError
from postil.prompt import render_question
from postil.records import Window


class LoadedAdapter(Remembering):
    """A `bot.review.Model` over one adapter with weights, in this process."""

    def __init__(
        self,
        info: ModelInfo,
        use: Callable[[], AbstractContextManager[Engine]],
        voice: Voice,
        shelf: Shelf | None,
    ) -> None:
        """`shelf`: where the base is held, unless the adapter is a whole model."""
        super().__init__(info, voice)
        self._use = use
        self._shelf = shelf

    def turned_to(self, spec: Mapping[str, str]) -> "LoadedAdapter":
        """Another adapter on the base that is loaded; ModelError where it needs another base."""
        return load(spec, self)

    def score(self, instructions: Sequence[str]) -> list[float]:
        """Log-odds of speaking."""
        with self._use() as engine:
            return engine.score(instructions)

    def anchor_scores(self, window: Window, allowed: Sequence[Anchor]) -> list[float]:
        """Log-probability of each anchor; certain where a topic is due."""
        if due := self._due_place(window):
            return [float(anchor == due) for anchor in allowed]
        with self._use() as engine:
            return engine.anchor_scores(render_question(window), allowed)

    def write(
        self, instructions: Sequence[str], places: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """What is said after each anchor."""
        with self._use() as engine:
            return engine.write(instructions, places, max_tokens)

    def _ranked(self, window: Window, place: Anchor) -> list[Match]:
        """Where past remarks are quoted, the model says which fits best."""
        if self.info.way != "recall":
            return super()._ranked(window, place)
        matches = quotable(self._voice.recall, window, place, None)
        if not matches:
            return []
        with self._use() as engine:
            return rank(engine, window, place, matches)[:SHOWN]


def load(spec: Mapping[str, str], before: LoadedAdapter | None = None) -> LoadedAdapter:
    """Load and verify; AdapterError for whatever is not what its card says."""
    prepare_processor()
    folder = Path(spec["adapter"])
    card, info = read_info(folder, spec.get("repo", ""))
    base = BaseModel(
        name=spec["base"],
        folder=Path(spec["base_folder"]),
        revision=spec["base_revision"],
        sha256=spec["base_sha256"],
    )
    precision = cast(Precision, card.scoring.get("precision", "bf16"))
    shelf = before._shelf if before else None
    held = (shelf.base.sha256, shelf.precision) if shelf and card.mode != "full" else None
    if before and held != (base.sha256, precision):
        raise ModelError(f"{folder}: needs another base than the one that is loaded")
    if card.mode == "full":
        whole = LocalEngine(
            base, folder, precision=precision, max_length=card.max_length, card=card
        )

        def use() -> AbstractContextManager[Engine]:
            return nullcontext(whole)
    else:
        held_on = shelf = shelf or Shelf(base, precision=precision)

        def use() -> AbstractContextManager[Engine]:
            return held_on.use(folder)

        with use():
            pass  # verified and loaded
    return LoadedAdapter(info, use, read_voice(folder, card, spec.get("repo", "")), shelf)
