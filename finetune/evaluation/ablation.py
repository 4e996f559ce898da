"""What each group of features brings to the gate: the same gate, fitted without it."""

from finetune.evaluation.metrics import Ranking, masked
from finetune.evaluation.readings import Readings
from finetune.evaluation.scorecard import Ablation
from finetune.evaluation.trial import Trial
from finetune.features import (
    AUTHOR,
    CHEAP,
    FEATURES,
    HISTORY,
    KIND_OF_FILE,
    RECALL,
    SIZE,
    SPEAK,
    WORDS,
)

GROUPS: dict[str, tuple[str, ...]] = {
    "the model's log-odds": (SPEAK,),
    "size": SIZE,
    "kind of file": KIND_OF_FILE,
    "likeness to accepted remarks": RECALL,
    "history of the file": HISTORY,
    "author's first change": AUTHOR,
    "words of the change": (WORDS,),
}


def ablate(trial: Trial, readings: Readings | None) -> tuple[Ablation, ...]:
    """The gate on all features, then without each group in turn; None: there is no model.

    All of them are regressions on every feature they have, fitted on the calibration part.
    """
    every = FEATURES if readings else CHEAP
    draws, clear = trial.windows, trial.clear
    whole = _ranked(trial, every, readings)
    rows = [
        Ablation(without="", auc=draws.interval(masked(whole.auc, clear)), loss=None),
    ]
    for name, group in GROUPS.items():
        if not set(group) <= set(every):
            continue
        rest = _ranked(trial, tuple(one for one in every if one not in group), readings)
        rows.append(
            Ablation(
                without=name,
                auc=draws.interval(masked(rest.auc, clear)),
                loss=draws.difference(masked(whole.auc, clear), masked(rest.auc, clear)),
            )
        )
    return tuple(rows)


def _ranked(trial: Trial, names: tuple[str, ...], readings: Readings | None) -> Ranking:
    gate = trial.fit(names, (), readings)
    return Ranking(trial.probabilities(gate, readings), trial.labels)
