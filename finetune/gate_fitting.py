"""Windows the model was not trained on -> a gate: its coefficients and its threshold.

A logistic regression on one feature, on a few or on all of them, whichever predicts unseen pull
requests better, and the threshold for a wanted precision, both from cross-fitted probabilities.
Pure but for scikit-learn.
"""

import warnings
from collections.abc import Iterator, Sequence
from math import inf, log

import msgspec
import numpy as np
from numpy.typing import NDArray

from finetune.feature_names import FEATURES, PRIOR, ROWS, SIZE, SPEAK, WORDS
from finetune.features import Labelled
from finetune.gate import Gate, Method
from finetune.thresholds import Threshold, choose_threshold

ALONE = (SPEAK, PRIOR)
"""What may decide alone where there is a model."""
RISING = frozenset({SPEAK, PRIOR, WORDS, ROWS})
"""What was made to rise with the chance of a remark. Alone, it is not turned round by a few."""
FEW_EXAMPLES, FEW_REMARKS = 60, 15
"""Below either, one feature is tried alone; above, all of them compete with it."""
STRENGTH = {"logistic": 0.1, "platt": 1.0}
"""scikit-learn's C, on standardised features; small is strongly regularised."""
SOLVER = "newton-cholesky"
"""Exact, and right for few features; the default one waits on threads it does not need."""
FOLDS = 5
SURE = 1.2816
"""Standard errors by which a threshold must reach the wanted precision: nine chances in ten."""
LEAST_CHANCE = 1e-6
"""What a wrong certainty counts as in the log loss."""

Floats = NDArray[np.float64]


def fit_gate(
    rows: Sequence[Labelled],
    *,
    min_precision: float = 0.5,
    names: Sequence[str] = FEATURES,
    alone: tuple[str, ...] = ALONE,
    seed: int = 7,
    sure: float = SURE,
) -> Gate:
    """Fit on the calibration part; ambiguous windows are left out.

    `alone` are features that may decide alone: the first where there are few examples; none asks
    for all of them. Where there are more examples, each of them, all of them together and a
    regression on all features are fitted, and what predicts pull requests it did not see with the
    smallest log loss is kept: many features cost more precision than they bring when remarks are
    few. The threshold must reach `min_precision` by `sure` standard errors (decision 011).
    """
    rows = [row for row in rows if row.kind != "ambiguous"]
    remarks = sum(row.remarked for row in rows)
    labels = np.array([row.remarked for row in rows], dtype=bool)
    weight = _silence_weight(rows)
    trials = [
        _try(rows, labels, method, used, weight, seed)
        for method, used in _methods(len(rows), remarks, tuple(names), alone)
    ]
    best = min(trials, key=lambda one: one.log_loss)
    fitted = _fit(_matrix(rows, best.features), labels, best.method, weight, _rises(best.features))
    note = f"{len(rows)} windows, {remarks} of them remarked on: {_describe(best, trials)}"
    chosen = Threshold(value=None)
    if best.crossed is None:
        note += " Too few pull requests with remarks to choose a threshold, so it never speaks."
    elif not fitted.coefficients.any():
        note += " In all of these windows it tells nothing, so it never speaks."
    else:
        weights = [row.weight for row in rows]
        chosen = choose_threshold(
            best.crossed, labels.tolist(), min_precision, weights=weights, errors=sure
        )
        if chosen.value is None:
            note += (
                f" No threshold is sure to reach {min_precision:.0%} precision: it never speaks."
            )
    return Gate(
        method=best.method,
        features=best.features,
        coefficients=tuple(fitted.coefficients.tolist()),
        means=tuple(fitted.means.tolist()),
        scales=tuple(fitted.scales.tolist()),
        intercept=fitted.intercept,
        threshold=chosen.value,
        wanted_precision=min_precision,
        expected_precision=chosen.precision,
        expected_recall=chosen.recall,
        examples=len(rows),
        remarks=remarks,
        silence_weight=weight,
        note=note,
    )


class _Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted regression, with its intercept corrected for thinned silences."""

    coefficients: Floats
    means: Floats
    scales: Floats
    intercept: float

    def probabilities(self, values: Floats) -> Floats:
        total = self.intercept + ((values - self.means) / self.scales) @ self.coefficients
        return np.asarray(np.exp(-np.logaddexp(0.0, -total)), dtype=np.float64)


class _Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One way of deciding, and how well it did on pull requests it had not seen.

    `log_loss` is in nats a window, weighted by how many windows each stands for; infinite where
    nothing could be cross-fitted.
    """

    method: Method
    features: tuple[str, ...]
    crossed: list[float] | None
    log_loss: float


def _methods(
    examples: int, remarks: int, names: tuple[str, ...], alone: tuple[str, ...]
) -> list[tuple[Method, tuple[str, ...]]]:
    """What is worth trying; the first is kept where trying tells nothing."""
    if not 0 < remarks < examples:
        return [("constant", ())]
    if not alone:
        return [("logistic", names)]
    if examples < FEW_EXAMPLES or remarks < FEW_REMARKS:
        return [("platt", alone[:1])]
    single: list[tuple[Method, tuple[str, ...]]] = [("platt", (one,)) for one in alone]
    tried = (alone, (*alone[-1:], *SIZE), (*alone, *SIZE), names)
    in_order = (tuple(name for name in names if name in used) for used in tried)
    several = dict.fromkeys(used for used in in_order if len(used) > 1)
    return [*single, *(("logistic", used) for used in several)]


def _try(
    rows: Sequence[Labelled],
    labels: NDArray[np.bool_],
    method: Method,
    names: tuple[str, ...],
    weight: float,
    seed: int,
) -> _Trial:
    groups = [row.group for row in rows]
    rising = _rises(names)
    crossed = _cross_fit(_matrix(rows, names), labels, groups, method, weight, seed, rising)
    loss = inf
    if crossed is not None:
        right = np.where(labels, crossed, 1.0 - np.asarray(crossed))
        counts = np.array([row.weight for row in rows])
        loss = float(-(counts * np.log(np.maximum(right, LEAST_CHANCE))).sum() / counts.sum())
    return _Trial(method=method, features=names, crossed=crossed, log_loss=loss)


def _describe(best: _Trial, trials: Sequence[_Trial]) -> str:
    """In words, what was chosen and why."""
    if best.method == "constant":
        return "nothing to tell apart."
    if best.method == "logistic":
        used = f"{len(best.features)} features" if len(best.features) > 2 else best.features
        return f"logistic regression on {used if isinstance(used, str) else ' and '.join(used)}."
    why = (
        "too few for more" if len(trials) == 1 else "more features did no better when cross-fitted"
    )
    return f"Platt scaling of {best.features[0]}; {why}."


def _matrix(rows: Sequence[Labelled], names: Sequence[str]) -> Floats:
    """Values (N, F) in the order of the names."""
    table = [[row.features[name] for name in names] for row in rows]
    return np.array(table, dtype=np.float64).reshape(len(rows), len(names))


def _silence_weight(rows: Sequence[Labelled]) -> float:
    """How many silences each one stands for, less what each remark does."""
    silences = [row.weight for row in rows if not row.remarked]
    remarks = [row.weight for row in rows if row.remarked]
    if not silences or not remarks:
        return 1.0
    return float(np.mean(silences) / np.mean(remarks))


def _rises(names: Sequence[str]) -> bool:
    """Whether this is one feature that was made to rise with the chance of a remark."""
    return len(names) == 1 and names[0] in RISING


def _fit(
    values: Floats, labels: NDArray[np.bool_], method: Method, weight: float, rising: bool
) -> _Fitted:
    """Thinned silences are undone in the intercept (prior correction, King and Zeng 2001).

    `rising`: where the feature falls with the chance in these windows, it tells nothing.
    """
    if method == "constant" or labels.all() or not labels.any():
        share = (labels.sum() + 0.5) / (labels.sum() + weight * (~labels).sum() + 1)
        zeros = np.zeros(values.shape[1])
        intercept = float(log(share / (1 - share)))
        return _Fitted(coefficients=zeros, means=zeros, scales=zeros + 1, intercept=intercept)
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    means, scales = values.mean(axis=0), values.std(axis=0)
    scales[scales < 1e-9] = 1.0
    model = LogisticRegression(C=STRENGTH[method], solver=SOLVER)
    with warnings.catch_warnings():  # where nothing tells it stands still, and takes another way
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((values - means) / scales, labels)
    if rising and model.coef_[0, 0] < 0:
        return _fit(values, labels, "constant", weight, rising)
    return _Fitted(
        coefficients=np.asarray(model.coef_[0], dtype=np.float64),
        means=means,
        scales=scales,
        intercept=float(model.intercept_[0]) - log(weight),
    )


def _cross_fit(
    values: Floats,
    labels: NDArray[np.bool_],
    groups: Sequence[str],
    method: Method,
    weight: float,
    seed: int,
    rising: bool,
) -> list[float] | None:
    """The probability of each window by a gate that saw none of its pull request.

    None where remarks stand in fewer than two pull requests.
    """
    remarked = {group for group, label in zip(groups, labels, strict=True) if label}
    if method == "constant" or len(remarked) < 2:
        return None
    probabilities = np.zeros(len(labels))
    for apart in folds(labels, groups, min(FOLDS, len(remarked)), seed):
        fitted = _fit(values[~apart], labels[~apart], method, weight, rising)
        probabilities[apart] = fitted.probabilities(values[apart])
    return [float(p) for p in probabilities]


def folds(
    labels: NDArray[np.bool_], groups: Sequence[str], count: int, seed: int
) -> Iterator[NDArray[np.bool_]]:
    """Masks (N,) of the windows set apart in turn, whole pull requests at a time.

    Pull requests with remarks and those without are dealt out in turn, so that every fold has
    some of each.
    """
    remarked = {group for group, label in zip(groups, labels, strict=True) if label}
    names = sorted(set(groups))
    np.random.default_rng(seed).shuffle(names)
    names.sort(key=lambda name: name not in remarked)
    fold_of = {name: place % count for place, name in enumerate(names)}
    fold = np.array([fold_of[group] for group in groups])
    for number in range(count):
        yield fold == number
