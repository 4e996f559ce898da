"""What an adapter must beat: the same gate without a model, and remarks that cost nothing.

Gates here are fitted exactly as the adapter's, on fewer features. Remarks come from the training
part only: the best constant, a random one, and the one made on the most similar code.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from statistics import fmean

import msgspec

from finetune.evaluation.metrics import chrf
from finetune.feature_names import CHEAP, PRIOR, ROWS, SIZE, WORDS
from finetune.recall import IndexEntry, Recall
from postil.answer import Remark
from postil.records import Pair

CONSTANTS, REFERENCES = 30, 120
"""Remarks tried as the constant one, and remarks each is measured against."""


class GateBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """A gate on some of the features, without the model's log-odds."""

    name: str
    features: tuple[str, ...]
    alone: tuple[str, ...]
    """Those that may decide alone; the first where there are few examples."""


LIKENESS = "best_similarity"
WITHOUT_MODEL = GateBaseline(name="cheap features alone", features=CHEAP, alone=(ROWS, PRIOR))
"""Also the gate of an adapter without weights."""
GATES = (
    GateBaseline(name="size alone", features=SIZE, alone=("changed_characters",)),
    GateBaseline(name="words of the change alone", features=(WORDS,), alone=(WORDS,)),
    WITHOUT_MODEL,
    GateBaseline(name="retrieval", features=(LIKENESS,), alone=(LIKENESS,)),
)


def constant_remark(entries: Sequence[IndexEntry], seed: int = 7) -> str:
    """The remark of the training part that is most like all the others; "" if there is none.

    Tried are the most frequent ones, then a sample.
    """
    messages = [entry.message for entry in entries]
    counts = Counter(messages)
    order = sorted(counts, key=lambda text: (-counts[text], _shuffled(seed, text)))
    references = sorted(messages, key=lambda text: _shuffled(seed + 1, text))[:REFERENCES]
    return max(
        order[:CONSTANTS],
        key=lambda text: fmean(chrf(text, reference) for reference in references),
        default="",
    )


def random_remark(entries: Sequence[IndexEntry], pair: Pair, seed: int = 7) -> str:
    """Any remark of the training part; the same one for the same pair and seed."""
    return min(
        (entry.message for entry in entries),
        key=lambda text: _shuffled(seed, f"{pair.id}\0{text}"),
        default="",
    )


def retrieved_remark(recall: Recall, pair: Pair) -> Remark | None:
    """The past remark made on the most similar code, at the row most like the one it stood on."""
    if pair.window is None:
        return None
    matches = recall.similar(pair.window, pair.decided_at)
    if not matches:
        return None
    return Remark(anchor=matches[0].anchor(pair.window), message=matches[0].entry.message)


def _shuffled(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{text}".encode()).digest()
