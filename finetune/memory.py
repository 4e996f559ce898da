"""What an adapter knows without its weights: accepted remarks, the words of changes, a prior.

Made of the parts no gate is fitted on, and written beside each other in the adapter's folder.
"""

from collections.abc import Sequence
from pathlib import Path

from finetune.gate import PRIOR_FILE, write_gate
from finetune.lexicon import LEXICON_FILE, learn_lexicon, write_lexicon
from finetune.prior import learn_prior
from finetune.recall import INDEX_FILE, IndexEntry, Recall, write_index
from postil.records import Pair


def learn_memory(pairs: Sequence[Pair], entries: Sequence[IndexEntry], seed: int) -> Recall:
    """Of one repository."""
    known = Recall(entries, learn_lexicon(pairs))
    return Recall(entries, known.lexicon, learn_prior(pairs, known, seed))


def write_memory(folder: Path, recall: Recall) -> None:
    """Write `index.jsonl`, and `lexicon.json` and `prior.json` where they were learned."""
    write_index(folder / INDEX_FILE, recall.entries)
    if recall.lexicon is not None:
        write_lexicon(folder / LEXICON_FILE, recall.lexicon)
    if recall.prior is not None:
        write_gate(folder / PRIOR_FILE, recall.prior)
