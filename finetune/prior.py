"""The cheap features of earlier windows -> how they are weighed: a prior for the gate.

The calibration part has few remarks to tell sixteen features by. The parts before it have ten times
as many, so a regression on those weighs the features, and its log-odds are one feature more
(docs/decisions/010-a-prior-from-earlier-windows.md). It is of the form of a gate, and never speaks.
"""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from finetune.feature_names import TOLD, WORDS
from finetune.features import Labelled, label_window
from finetune.gate import Gate
from finetune.gate_fitting import FOLDS, fit_gate, folds
from finetune.lexicon import learn_lexicon, learned_from
from finetune.recall import Recall
from postil.records import Pair


def learn_prior(pairs: Sequence[Pair], recall: Recall, seed: int = 7) -> Gate | None:
    """From what no gate is fitted on; None where that is too little to learn words from.

    Each window is told only what was remembered before its pull request was decided, so undated
    ones teach nothing, and of words only what pull requests of other folds tell.
    """
    if recall.lexicon is None:
        return None
    learned = [pair for pair in learned_from(pairs) if pair.decided_at is not None]
    rows = _with_words_of_others(learned, [label_window(pair, recall) for pair in learned], seed)
    if rows is None:
        return None
    prior = fit_gate(rows, names=TOLD, alone=(), seed=seed)
    if WORDS in prior.features and prior.coefficients[prior.features.index(WORDS)] < 0:
        others = tuple(name for name in TOLD if name != WORDS)  # noise: they tell nothing of others
        prior = fit_gate(rows, names=others, alone=(), seed=seed)
    return replace(prior, threshold=None)


def _with_words_of_others(
    learned: Sequence[Pair], rows: Sequence[Labelled], seed: int
) -> list[Labelled] | None:
    """None where some fold's others are too few to learn from."""
    found = list(rows)
    labels = np.array([row.remarked for row in rows], dtype=bool)
    if labels.sum() < FOLDS:
        return None
    for apart in folds(labels, [row.group for row in rows], FOLDS, seed):
        lexicon = learn_lexicon(pair for pair, out in zip(learned, apart, strict=True) if not out)
        if lexicon is None:
            return None
        for at in np.flatnonzero(apart).tolist():
            window, newcomer = learned[at].window, learned[at].newcomer
            assert window is not None  # noqa: S101 - all that teach have one
            words = lexicon.log_odds(window, newcomer)
            found[at] = replace(rows[at], features={**rows[at].features, WORDS: words})
    return found
