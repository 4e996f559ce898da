"""What each group of features brings to the gate: the same gate, fitted without it."""

from finetune.evaluation.metrics import Interval, Ranking, masked
from finetune.evaluation.readings import Readings
from finetune.evaluation.scorecard import Ablation
from finetune.evaluation.trial import Trial
from finetune.feature_names import (
    AUTHOR,
    CHEAP,
    FEATURES,
    HISTORY,
    KIND_OF_FILE,
    PRIOR,
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
WITHOUT_PRIOR = "the weighing of earlier windows"


def ablate(trial: Trial, readings: Readings | None) -> tuple[Ablation, ...]:
    """The gate on all features, then without each group in turn; None: there is no model.

    All of them are regressions on every feature they have, fitted on the calibration part. The
    prior is made of the others, so it goes first, and what else goes is compared without it.
    """
    every = FEATURES if readings else CHEAP
    whole = _ranked(trial, every, readings)
    rest = tuple(one for one in every if one != PRIOR)
    plain = _ranked(trial, rest, readings)
    rows = [
        Ablation(without="", auc=_auc(trial, whole), loss=None),
        _without(trial, WITHOUT_PRIOR, whole, plain),
    ]
    for name, group in GROUPS.items():
        if set(group) <= set(rest):
            left = tuple(one for one in rest if one not in group)
            rows.append(_without(trial, name, plain, _ranked(trial, left, readings)))
    return tuple(rows)


def _without(trial: Trial, name: str, more: Ranking, less: Ranking) -> Ablation:
    lost = trial.windows.difference(masked(more.auc, trial.clear), masked(less.auc, trial.clear))
    return Ablation(without=name, auc=_auc(trial, less), loss=lost)


def _auc(trial: Trial, ranking: Ranking) -> Interval:
    return trial.windows.interval(masked(ranking.auc, trial.clear))


def _ranked(trial: Trial, names: tuple[str, ...], readings: Readings | None) -> Ranking:
    gate = trial.fit(names, (), readings)
    return Ranking(trial.probabilities(gate, readings), trial.labels)
