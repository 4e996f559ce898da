"""Training questions that show older accepted remarks on similar code. Pure.

Every second question of the training part does, drawn by hash, so that the adapter can be asked
either way. Silences show them as well: else a precedent alone would tell that something is to be
said. Copies (`[augment]`) are asked with them and never shown: nobody said what they say.
"""

import hashlib
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from finetune.augment.copies import is_copy
from finetune.recall import Recall, index_entries
from finetune.ways import with_precedents
from postil.prompt import render_question
from postil.records import Pair


def show_precedents(pairs: Sequence[Pair]) -> Iterator[Pair]:
    """The pairs, with precedents in every second training question.

    Questions whose text is not the plain one (reworded, or of other domains) stay as they are.
    """
    recall = Recall(index_entries(pair for pair in pairs if not is_copy(pair)))
    for pair in pairs:
        drawn = pair.split == "train" and hashlib.sha256(pair.id.encode()).digest()[0] % 2
        if drawn and pair.window and pair.instruction == render_question(pair.window):
            question = with_precedents(recall, pair.window, pair.decided_at)
            yield replace(pair, instruction=question)
        else:
            yield pair
