"""What an adapter is, read from its folder without loading it: its card, and how it speaks.

Everything by which this Postil could not repeat how the adapter was measured is refused here, in
one line, before any model is loaded. Imports no torch.
"""

from pathlib import Path
from typing import get_args

from bot.review import ModelInfo
from finetune.cards import load_card
from finetune.gate import GATE_FILE, read_gate
from finetune.pooling import gate_file
from finetune.speaking import threshold_of, way_of
from finetune.topics import TOPICS_FILE, decode_topics
from postil.errors import AdapterError
from postil.records import AdapterCard, Way

PRECISIONS = ("bf16", "fp32", "nf4", "nf4-fp32")
"""`finetune.loaded_base.Precision`, which cannot be asked without torch."""


def read_info(folder: Path, repo: str = "") -> tuple[AdapterCard, ModelInfo]:
    """The verified card, and what a review needs to know; AdapterError if it cannot be used.

    `repo`: where it reviews; a pooled adapter speaks there by a gate of its own.
    """
    card = load_card(folder)
    if card.scoring.get("precision", "bf16") not in PRECISIONS:
        precision = card.scoring["precision"]
        raise AdapterError(f"{folder}: scored in {precision!r}, which this Postil cannot repeat")
    way = way_of(card)
    if way not in get_args(Way):
        raise AdapterError(f"{folder}: says things by {way!r}, which this Postil cannot")
    gate = read_gate(folder / gate_file(card, repo, GATE_FILE)) if GATE_FILE in card.files else None
    topics = decode_topics(folder / TOPICS_FILE) if TOPICS_FILE in card.files else ()
    info = ModelInfo(
        adapter=folder.name,
        base=card.base,
        template=card.template,
        window_lines=card.window_lines,
        threshold=threshold_of(way, gate, topics),
        by_kind=gate.by_kind if gate else {},
        way=way,
        shadow=card.promotion is None or card.promotion.how == "shadow",
        name=card.name,
        precision=gate.expected_precision if gate else None,
    )
    return card, info
