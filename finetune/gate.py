"""Speak or stay silent: the features of a window -> a calibrated probability of a remark.

`gate.json` holds numbers, never a pickle, and `Gate.probability` is plain Python: neither
scikit-learn nor torch is loaded where a gate is only used. `finetune.gate_fitting` makes gates.
"""

from collections.abc import Mapping, Sequence
from math import exp, isfinite
from pathlib import Path
from typing import Literal

import msgspec

from finetune.feature_names import FEATURES
from finetune.files import read_part
from postil.errors import AdapterError
from postil.records import Record

GATE_FILE = "gate.json"
CHEAP_GATE_FILE = "gate_cheap.json"
"""On the cheap features alone, for an engine that gives no log-probabilities."""
PRIOR_FILE = "prior.json"
"""Not a gate by which anything is said, but what one is told (`finetune.prior`)."""
VERSION = 1

Method = Literal["logistic", "platt", "constant"]


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
    """None: no threshold is sure to reach the wanted precision, so it never speaks."""
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
    by_kind: dict[str, float | None] = msgspec.field(default_factory=dict)
    """Thresholds of kinds of remarks (`finetune.categories`) that have one of their own; None:
    such a remark is never made."""

    def log_odds(self, features: Mapping[str, float]) -> float:
        """Of a remark on the window; AdapterError on a missing feature, or no finite number."""
        total = self.intercept
        for moved in self.contributions(features).values():
            total += moved
        if not isfinite(total):
            raise AdapterError("the gate's numbers are too large to be added")
        return total

    def probability(self, features: Mapping[str, float]) -> float:
        """Chance that a reviewer would remark on the window; AdapterError on a missing feature."""
        total = self.log_odds(features)
        return 1 / (1 + exp(-total)) if total >= 0 else exp(total) / (1 + exp(total))

    def contributions(self, features: Mapping[str, float]) -> dict[str, float]:
        """What each feature adds to the log-odds; AdapterError on a missing one."""
        found = {}
        for name, weight, mean, scale in zip(
            self.features, self.coefficients, self.means, self.scales, strict=True
        ):
            if name not in features:
                raise AdapterError(f"the gate needs the feature {name}, which was not given")
            found[name] = weight * (features[name] - mean) / scale
        return found

    def speaks(self, features: Mapping[str, float]) -> bool:
        """Whether the probability reaches the threshold."""
        return self.threshold is not None and self.probability(features) >= self.threshold


def write_gate(path: Path, gate: Gate) -> None:
    """Write `gate.json`."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(gate)) + b"\n")


def read_gate(path: Path, told: Sequence[str] = FEATURES) -> Gate:
    """Load `gate.json`; raise AdapterError where it is not a gate we can compute from `told`."""
    gate = read_part(path, Gate, "a gate")
    if gate.version != VERSION:
        raise AdapterError(f"{path}: gate version {gate.version}, this Postil reads {VERSION}")
    own = (value for value in gate.by_kind.values() if value is not None)
    numbers = (*gate.coefficients, *gate.means, *gate.scales, gate.intercept, *own)
    lengths = {len(gate.features), len(gate.coefficients), len(gate.means), len(gate.scales)}
    if (
        len(lengths) != 1
        or not all(isfinite(n) for n in numbers)
        or min(gate.scales, default=1) <= 0
    ):
        raise AdapterError(f"{path}: its numbers do not fit its features")
    if not set(gate.features) <= set(told):
        unknown = ", ".join(sorted(set(gate.features) - set(told)))
        raise AdapterError(f"{path}: unknown features: {unknown}")
    return gate
