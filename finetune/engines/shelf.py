"""Several adapters on one base, one of them active: switching loads no weights a second time.

Enters: folders of low-rank adapters of the shelf's base and precision, verified when first used.
Leaves: engines whose answers are those of a `LocalEngine` made for that adapter alone.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetune.base_model import BaseModel
from finetune.cards import digest_card, load_card
from finetune.engines.local import LocalEngine, check_base, put_on
from finetune.loaded_base import Precision, computed_in, load_base, load_tokenizer, pick_device
from finetune.training.lora import drop_lora
from finetune.training.samples import Chat
from postil.errors import AdapterError
from postil.records import AdapterCard

HELD = 8
"""Adapters of rank 16 on a base of 135 million parameters take 10 MB each."""
BARE_LENGTH = 1024
"""Tokens the bare base reads where nothing else is said: `train.max_length`'s default."""


class Shelf:
    """One base and at most `held` adapters on it, the least recently used taken off first."""

    def __init__(
        self,
        base: BaseModel,
        *,
        precision: Precision = "bf16",
        max_length: int | None = None,
        device: str | None = None,
        held: int = HELD,
    ) -> None:
        """`max_length`: in tokens; without it each adapter's own, as its card says."""
        self.base = base
        self.precision = precision
        self._max_length = max_length
        self._most = max(held, 1)
        self._device = device or pick_device()
        self._chat = Chat(load_tokenizer(base))
        self._model: Any = load_base(base, computed_in(precision, self._device), self._device)
        self._held: OrderedDict[Path, tuple[str, AdapterCard]] = OrderedDict()
        self._turn = threading.Lock()
        self._owner: int | None = None

    @property
    def held(self) -> tuple[Path, ...]:
        """Folders of the adapters in memory, the least recently used first."""
        return tuple(self._held)

    @contextmanager
    def use(self, adapter: Path | None) -> Iterator[LocalEngine]:
        """The engine of an adapter, or of the bare base, while the context is open.

        Other threads wait; the thread that is inside may not ask for a second one, as there is
        one active adapter. AdapterError for an adapter that cannot be held; the others stay.
        """
        if self._owner == threading.get_ident():
            raise RuntimeError("one adapter at a time: leave the first context before the second")
        with self._turn:
            self._owner = threading.get_ident()
            try:
                length = self._max_length or BARE_LENGTH
                if adapter is None:
                    self._bare(True)
                else:
                    card = self._turn_to(adapter.resolve())
                    length = self._max_length or card.max_length
                yield LocalEngine.over(self._model, self._chat, self._device, length)
            finally:
                self._owner = None

    def _turn_to(self, folder: Path) -> AdapterCard:
        """Make an adapter the active one; load it if it is not held."""
        if folder not in self._held:
            self._load(folder)
        self._held.move_to_end(folder)
        name, card = self._held[folder]
        self._bare(False)
        self._model.set_adapter(name, inference_mode=True)
        while len(self._held) > self._most:
            _, (oldest, _) = self._held.popitem(last=False)
            if all(oldest != other for other, _ in self._held.values()):
                drop_lora(self._model, oldest)
        return card

    def _load(self, folder: Path) -> None:
        card = load_card(folder)
        self._check(folder, card)
        name = digest_card(card)
        if all(name != other for other, _ in self._held.values()):  # the same one, copied
            self._model = put_on(self._model, folder, name)
        self._held[folder] = (name, card)

    def _check(self, folder: Path, card: AdapterCard) -> None:
        precision = card.scoring.get("precision", "bf16")
        if card.mode == "full":
            raise AdapterError(f"{folder}: is a whole model, which no base can hold beside others")
        if precision != self.precision:
            raise AdapterError(
                f"{folder}: measured in {precision}; this base is held in {self.precision}"
            )
        check_base(folder, card, self.base)

    def _bare(self, bare: bool) -> None:
        """Have the layers pass over whatever adapters they hold, or not."""
        if not self._held:
            return
        if bare:
            self._model.base_model.disable_adapter_layers()
        else:
            self._model.base_model.enable_adapter_layers()
