"""An adapter folder and pairs -> a scorecard; opens base and adapter one after another."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from finetune.adapters import load_card
from finetune.base_model import BaseModel, Precision, find_base
from finetune.engines import Engine
from finetune.engines.local import LocalEngine
from finetune.evaluation.evaluate import evaluate_adapter
from finetune.evaluation.readings import Limits, Progress
from finetune.evaluation.scorecard import Scorecard
from finetune.gate import GATE_FILE, read_gate
from finetune.recall import INDEX_FILE, Recall
from postil.records import AdapterCard, Pair
from postil.settings import Settings


def prove(
    folder: Path,
    pairs: Sequence[Pair],
    settings: Settings,
    home: Path,
    progress: Progress,
    *,
    most_silences: int,
) -> Scorecard:
    """Measure on the test part; every remark, and at most `most_silences` silent windows."""
    card = load_card(folder)
    base = find_base(card.base, home)
    return evaluate_adapter(
        pairs,
        Recall.read(folder / INDEX_FILE),
        open_base=lambda: opened(base, None, card),
        open_adapter=lambda: opened(base, folder, card),
        adapter=folder.name,
        base=card.base,
        gate=read_gate(folder / GATE_FILE) if GATE_FILE in card.files else None,
        limits=Limits(silences=most_silences),
        min_precision=settings.review.min_precision,
        progress=progress,
    )


@contextmanager
def opened(base: BaseModel, folder: Path | None, card: AdapterCard) -> Iterator[Engine]:
    """The engine of a card's scoring path, with its adapter or (None) without."""
    precision = cast(Precision, card.scoring.get("precision", "bf16"))
    yield LocalEngine(base, folder, precision=precision, max_length=card.max_length)
