"""Why each window of a change was spoken about or passed over. Pure.

The review itself is run with a witness in front of the model, so what is told is what happened:
the probability against the threshold, what moved it, the past remarks it is like.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from bot.backtest.replay import WatchedModel
from bot.review import Model, Recalled, review
from finetune.feature_names import PRIOR, WORDS
from finetune.gate import Gate
from postil.diff import FileDiff
from postil.prompt import reveal
from postil.records import Finding, Record, Window
from postil.settings import ReviewSettings

Verdict = Literal["spoken about", "message unusable", "held back", "passed over"]
MOST_REASONS = 6


class Reason(Record, frozen=True, kw_only=True):
    """What one feature did: its value, and what it added to the log-odds of speaking."""

    feature: str
    value: float
    moved: float


class Explained(Record, frozen=True, kw_only=True):
    """One window. `reasons` come with the strongest first."""

    window: Window
    verdict: Verdict
    probability: float
    threshold: float | None
    finding: Finding | None
    reasons: tuple[Reason, ...]
    like: tuple[Recalled, ...]
    words: tuple[tuple[str, float], ...] = ()


class Features(Record, frozen=True, kw_only=True):
    """What a gate is told of a window, and the past remarks it is like."""

    values: dict[str, float]
    like: tuple[Recalled, ...]
    words: tuple[tuple[str, float], ...] = ()
    """Words of the change that speak most for a remark or against, with their weights."""
    weighed: dict[str, float] = msgspec.field(default_factory=dict)
    """What each feature adds to the prior."""


FeaturesOf = Callable[[Window, float], Features]
"""Of a window and the model's log-odds of speaking about it."""


class Witness(WatchedModel):
    """Passes everything on, and keeps the model's log-odds of every window."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.scores: dict[Window, float] = {}

    def gate(
        self, windows: Sequence[Window], scores: Sequence[float], newcomer: bool | None = None
    ) -> list[float]:
        """Pass on, and keep the scores."""
        self.scores.update(zip(windows, scores, strict=True))
        return super().gate(windows, scores, newcomer)


def explain(
    files: Sequence[FileDiff],
    witness: Witness,
    settings: ReviewSettings,
    gate: Gate | None,
    features_of: FeaturesOf,
    newcomer: bool | None = None,
) -> tuple[list[Explained], dict[str, str]]:
    """Every window that was read, in the order of the diff, and why the other files were not.

    `newcomer`: as of `bot.review.review`, and what `features_of` is told.
    """
    reviewed = review(files, witness, settings, newcomer=newcomer)
    explained = []
    for window, chance in witness.chances.items():
        told = features_of(window, witness.scores[window])
        found = [finding for finding in reviewed.findings if window.rows(finding.span)]
        explained.append(
            Explained(
                window=window,
                verdict=_verdict(window, chance, reviewed.threshold, bool(found), witness),
                probability=chance,
                threshold=reviewed.threshold,
                finding=found[0] if found else None,
                reasons=tuple(_reasons(gate, told)) if gate else (),
                like=told.like,
                words=told.words,
            )
        )
    return explained, reviewed.skipped


def _verdict(
    window: Window, chance: float, threshold: float | None, spoken: bool, witness: Witness
) -> Verdict:
    """Some speak below the threshold: topics have their own."""
    if spoken:
        return "spoken about"
    if window in witness.candidates:
        return "message unusable"
    return "passed over" if threshold is None or chance < threshold else "held back"


def _reasons(gate: Gate, told: Features) -> list[Reason]:
    """What moved the probability away from that of an average window of the calibration part.

    What moved the prior from an average of the windows that it was learned from stands for it; the
    prior itself keeps what lies between the two averages.
    """
    moved = gate.contributions(told.values)
    if PRIOR in moved:
        at = gate.features.index(PRIOR)
        share = gate.coefficients[at] / gate.scales[at]
        for name, by in told.weighed.items():
            moved[name] = moved.get(name, 0.0) + share * by
            moved[PRIOR] -= share * by
    reasons = [Reason(feature=n, value=told.values[n], moved=by) for n, by in moved.items()]
    return sorted(reasons, key=lambda one: -abs(one.moved))


def shows(files: Sequence[FileDiff], path: str, line: int | None) -> bool:
    """Whether a diff has a file, and a line of it (of either side) where one is asked for."""
    named = [file for file in files if path in ("", file.path)]
    if line is None:
        return bool(named)
    rows = (row for file in named for hunk in file.hunks for row in hunk.lines)
    return any(line in (row.new, row.old) for row in rows)


def holds(window: Window, path: str, line: int | None) -> bool:
    """Whether a window is of a file, and shows a line of it (of either side) where one is asked."""
    if path and window.path != path:
        return False
    return line is None or any(line in (row.new, row.old) for row in window.lines)


def render_explained(one: Explained, max_comments: int) -> str:
    """A window for a terminal."""
    shown = [n for row in one.window.lines if (n := row.new or row.old)]
    threshold = "no threshold" if one.threshold is None else f"threshold {one.threshold:.2f}"
    lines = [
        f"{reveal(one.window.path)}:{min(shown)}-{max(shown)}: {one.verdict}",
        f"    probability {one.probability:.2f}, {threshold}{_more(one, max_comments)}",
    ]
    for reason in one.reasons[:MOST_REASONS]:
        words = _listed(one.words) if reason.feature == WORDS else ""
        lines.append(f"    {reason.moved:+.2f} {reason.feature} = {reason.value:.2f}{words}")
    for past in one.like:
        first = reveal(past.message).split("\n")[0]
        lines.append(f"    like {past.resembles.similarity:.2f} {past.resembles.url}: {first}")
    if one.finding:
        lines.append(f"    says: {reveal(one.finding.message).split(chr(10))[0]}")
    return "\n".join(lines)


def _more(one: Explained, max_comments: int) -> str:
    if one.verdict == "held back":
        return f"; review.max_comments = {max_comments} more probable ones came first"
    if one.threshold is None:
        return ": this adapter was never calibrated, so it says nothing"
    return ""


def _listed(words: Sequence[tuple[str, float]]) -> str:
    """Words of a change with their marks; those that speak against a remark come after `not`."""
    told = [f"{'' if weight > 0 else 'not '}{reveal(word)}" for word, weight in words]
    return f": {', '.join(told)}" if told else ""


def render_json(explained: Sequence[Explained], skipped: Mapping[str, str]) -> str:
    """Everything, for a program."""
    document = {
        "schema": 1,
        "windows": list(explained),
        "skipped": [{"path": path, "reason": why} for path, why in skipped.items()],
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode()
