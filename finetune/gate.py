"""Speak or stay silent: the features of a window -> a calibrated probability of a remark.

`fit_gate` learns a logistic regression on windows the model was not trained on and chooses the
threshold for a wanted precision from cross-fitted probabilities. `gate.json` holds numbers, never
a pickle, and `Gate.probability` is plain Python: scikit-learn is loaded for fitting only.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import exp, isfinite, log
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from finetune.features import FEATURES, SPEAK, Labelled
from postil.errors import AdapterError
from postil.records import Record

GATE_FILE = "gate.json"
VERSION = 1
FEW_EXAMPLES, FEW_REMARKS = 60, 15
"""Below either, only one feature is trusted; above, strong regularisation does the rest."""
STRENGTH = {"logistic": 0.1, "platt": 1.0}
"""scikit-learn's C, on standardised features; small is strongly regularised."""
SOLVER = "newton-cholesky"
"""Exact, and right for few features; the default one waits on threads it does not need."""
FOLDS = 5
LEAST_SPOKEN = 5
"""Windows a threshold must have spoken on before its precision counts."""

Method = Literal["logistic", "platt", "constant"]
Floats = NDArray[np.float64]


class Gate(Record, frozen=True, kw_only=True):
    """Coefficients on standardised features, and the threshold from which it speaks."""

    version: int = VERSION
    method: Method
    features: tuple[str, ...]
    coefficients: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    intercept: float
    threshold: float | None
    """None: no threshold reached the wanted precision, so it never speaks."""
    wanted_precision: float
    expected_precision: float | None
    """Cross-fitted, on the windows it was fitted on."""
    expected_recall: float | None
    examples: int
    remarks: int
    silence_weight: float
    """Silences each fitted silence stood for; the intercept is corrected by its logarithm."""
    note: str
    """What was done, in words."""

    def probability(self, features: Mapping[str, float]) -> float:
        """Chance that a reviewer would remark on the window; AdapterError on a missing feature."""
        total = self.intercept
        for name, weight, mean, scale in zip(
            self.features, self.coefficients, self.means, self.scales, strict=True
        ):
            if name not in features:
                raise AdapterError(f"the gate needs the feature {name}, which was not given")
            total += weight * (features[name] - mean) / scale
        return 1 / (1 + exp(-total)) if total >= 0 else exp(total) / (1 + exp(total))

    def speaks(self, features: Mapping[str, float]) -> bool:
        """Whether the probability reaches the threshold."""
        return self.threshold is not None and self.probability(features) >= self.threshold


class Threshold(Record, frozen=True, kw_only=True):
    """Where to speak from, and what that gave on the windows it was chosen on."""

    value: float | None
    precision: float | None = None
    recall: float | None = None


def choose_threshold(
    probabilities: Sequence[float],
    labels: Sequence[bool],
    min_precision: float,
    *,
    weights: Sequence[float] | None = None,
    least: int = LEAST_SPOKEN,
) -> Threshold:
    """The threshold of best F1 among those whose windows hold at least that share of remarks.

    Not the lowest of them: below the last remark it would only add false alarms, up to what the
    wanted precision allows. It lies midway to the next probability below, so that rounding flips
    nothing. None where no threshold reaches the precision on `least` windows or more.
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    counts = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=np.float64)
    hits = np.where(np.asarray(labels, dtype=bool), counts, 0.0)[order]
    found, spoken = np.cumsum(hits), np.cumsum(counts[order])
    last_of_block = np.diff(scores, append=-np.inf) != 0
    enough = np.arange(1, len(scores) + 1) >= least
    good = np.flatnonzero(last_of_block & enough & (found >= min_precision * spoken) & (found > 0))
    if not len(good):
        return Threshold(value=None)
    f1 = 2 * found / (spoken + found[-1])
    at = int(good[np.argmax(f1[good])])
    below = float(scores[at + 1]) if at + 1 < len(scores) else 0.0
    return Threshold(
        value=(float(scores[at]) + below) / 2,
        precision=float(found[at] / spoken[at]),
        recall=float(found[at] / found[-1]),
    )


def fit_gate(
    rows: Sequence[Labelled],
    *,
    min_precision: float = 0.5,
    names: Sequence[str] = FEATURES,
    alone: str = SPEAK,
    seed: int = 7,
) -> Gate:
    """Fit on the calibration part; ambiguous windows are left out.

    `alone` is the one feature used when there are few examples.
    """
    rows = [row for row in rows if row.kind != "ambiguous"]
    remarks = sum(row.remarked for row in rows)
    method, used, note = _method(len(rows), remarks, tuple(names), alone)
    labels = np.array([row.remarked for row in rows], dtype=bool)
    values = _matrix(rows, used)
    weight = _silence_weight(rows)
    fitted = _fit(values, labels, method, weight)
    crossed = _cross_fit(values, labels, [row.group for row in rows], method, weight, seed)
    chosen = Threshold(value=None)
    if crossed is not None:
        weights = [row.weight for row in rows]
        chosen = choose_threshold(crossed, labels.tolist(), min_precision, weights=weights)
        if chosen.value is None:
            note += f" No threshold reached {min_precision:.0%} precision, so it never speaks."
    else:
        note += " Too few pull requests with remarks to choose a threshold, so it never speaks."
    return Gate(
        method=method,
        features=used,
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


def write_gate(path: Path, gate: Gate) -> None:
    """Write `gate.json`."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(gate)) + b"\n")


def read_gate(path: Path) -> Gate:
    """Load `gate.json`; raise AdapterError where it is not a gate we can compute."""
    try:
        gate = msgspec.json.decode(path.read_bytes(), type=Gate)
    except OSError as error:
        raise AdapterError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AdapterError(f"{path}: not a gate: {error}") from error
    if gate.version != VERSION:
        raise AdapterError(f"{path}: gate version {gate.version}, this Postil reads {VERSION}")
    numbers = (*gate.coefficients, *gate.means, *gate.scales, gate.intercept)
    lengths = {len(gate.features), len(gate.coefficients), len(gate.means), len(gate.scales)}
    if (
        len(lengths) != 1
        or not all(isfinite(n) for n in numbers)
        or min(gate.scales, default=1) <= 0
    ):
        raise AdapterError(f"{path}: its numbers do not fit its features")
    if not set(gate.features) <= set(FEATURES):
        unknown = ", ".join(sorted(set(gate.features) - set(FEATURES)))
        raise AdapterError(f"{path}: unknown features: {unknown}")
    return gate


class _Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted regression, with its intercept corrected for thinned silences."""

    coefficients: Floats
    means: Floats
    scales: Floats
    intercept: float

    def probabilities(self, values: Floats) -> Floats:
        total = self.intercept + ((values - self.means) / self.scales) @ self.coefficients
        return np.asarray(np.exp(-np.logaddexp(0.0, -total)), dtype=np.float64)


def _method(
    examples: int, remarks: int, names: tuple[str, ...], alone: str
) -> tuple[Method, tuple[str, ...], str]:
    seen = f"{examples} windows, {remarks} of them remarked on"
    if not 0 < remarks < examples:
        return "constant", (), f"{seen}: nothing to tell apart."
    if examples < FEW_EXAMPLES or remarks < FEW_REMARKS:
        return "platt", (alone,), f"{seen}: too few for more than Platt scaling of {alone}."
    return "logistic", names, f"{seen}: logistic regression on {len(names)} features."


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


def _fit(values: Floats, labels: NDArray[np.bool_], method: Method, weight: float) -> _Fitted:
    """Thinned silences are undone in the intercept (prior correction, King and Zeng 2001)."""
    if method == "constant" or labels.all() or not labels.any():
        share = (labels.sum() + 0.5) / (labels.sum() + weight * (~labels).sum() + 1)
        zeros = np.zeros(values.shape[1])
        intercept = float(log(share / (1 - share)))
        return _Fitted(coefficients=zeros, means=zeros, scales=zeros + 1, intercept=intercept)
    from sklearn.linear_model import LogisticRegression

    means, scales = values.mean(axis=0), values.std(axis=0)
    scales[scales < 1e-9] = 1.0
    model = LogisticRegression(C=STRENGTH[method], solver=SOLVER)
    model.fit((values - means) / scales, labels)
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
) -> list[float] | None:
    """The probability of each window by a gate that saw none of its pull request.

    None where remarks stand in fewer than two pull requests.
    """
    remarked = {group for group, label in zip(groups, labels, strict=True) if label}
    if method == "constant" or len(remarked) < 2:
        return None
    probabilities = np.zeros(len(labels))
    for apart in _folds(labels, groups, min(FOLDS, len(remarked)), seed):
        fitted = _fit(values[~apart], labels[~apart], method, weight)
        probabilities[apart] = fitted.probabilities(values[apart])
    return [float(p) for p in probabilities]


def _folds(
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
