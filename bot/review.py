"""The sentence: diff -> windows -> gate -> anchors -> words -> findings. Pure.

In go a diff and a model behind callables; out come findings on lines of the diff, and for every
changed file whether it was read or why not. Every window is scored in one call; only those over
the threshold are spoken about, the most probable first. No network, no git, no torch.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from bot.outcomes.scores import count_scores
from bot.outcomes.tuned import UNTUNED, Tuning
from bot.saying.suggestion import fit_suggestion
from bot.saying.wording import message_fault, read_message
from bot.selection import select
from finetune.recall import LEAST_SIMILAR
from finetune.speaking import unsure
from postil.answer import WORDLESS, Anchor, anchors, finding_of, with_suggestion
from postil.diff import FileDiff, parse_diff
from postil.prompt import Precedent, render_question
from postil.records import Finding, Record, Resemblance, Way, Window
from postil.settings import ReviewSettings

MOST_RESEMBLING = 3


class Recalled(Record, frozen=True, kw_only=True):
    """A past accepted remark that may fit a window again."""

    message: str
    resembles: Resemblance
    code: str = ""
    """The first row it was made on."""
    suggestion: str | None = None
    """What it put in place of its rows, where the very same stand here."""

    def precedent(self) -> Precedent:
        """As a question shows it."""
        return Precedent(code=self.code, message=self.message)


class ModelInfo(Record, frozen=True, kw_only=True):
    """What is known of a loaded adapter. No threshold: it was never calibrated, and is silent."""

    adapter: str
    base: str
    template: str
    window_lines: int
    threshold: float | None
    by_kind: dict[str, float | None] = msgspec.field(default_factory=dict)
    """Thresholds of kinds of remarks that have one of their own; None: never said."""
    way: Way = "write"
    shadow: bool = False
    """It was not promoted to speak, so nothing it says is posted."""
    name: str = ""
    precision: float | None = None
    """As it was measured in calibration."""
    note: str = ""
    """What a person should know of how it decides, once it is loaded."""


class Model(Protocol):
    """An adapter on its base, as far as a review needs it."""

    @property
    def info(self) -> ModelInfo: ...

    def load(self) -> None:
        """Be ready to answer; takes long the first time."""
        ...

    def score(self, instructions: Sequence[str]) -> list[float]:
        """Log-odds of speaking, one a question."""
        ...

    def gate(
        self, windows: Sequence[Window], scores: Sequence[float], newcomer: bool | None = None
    ) -> list[float]:
        """Calibrated probability that a remark would be accepted, one a window.

        `newcomer`: whether it is the first change of its author; None: not known.
        """
        ...

    def anchor_scores(self, window: Window, allowed: Sequence[Anchor]) -> list[float]:
        """How likely each anchor is the start of the answer; only their order counts."""
        ...

    def write(
        self, instructions: Sequence[str], places: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """What the model says after each anchor."""
        ...

    def recall(self, windows: Sequence[Window], places: Sequence[Anchor]) -> list[list[Recalled]]:
        """Past accepted remarks like each window, that which fits its place best first."""
        ...


class Reviewed(Record, frozen=True, kw_only=True):
    """What was found, and what was read, left out and dropped on the way."""

    adapter: str
    base: str
    threshold: float | None
    shadow: bool = False
    """Nothing of this is posted, whatever the settings."""
    findings: tuple[Finding, ...] = ()
    reviewed: tuple[str, ...] = ()
    skipped: dict[str, str] = msgspec.field(default_factory=dict)
    """Reason by path."""
    windows: int = 0
    held_back: int = 0
    """Windows over the threshold and beyond `max_comments`."""
    dropped: dict[str, int] = msgspec.field(default_factory=dict)
    """Messages that could not be used, by reason."""
    silenced: dict[str, int] = msgspec.field(default_factory=dict)
    """Remarks that outcomes keep from being made, by reason."""
    chances: tuple[int, ...] = ()
    """Windows by their probability, as `bot.outcomes.scores` counts them."""
    seconds: dict[str, float] = msgspec.field(default_factory=dict)
    cpu_s: float = 0.0
    """Of our process and the model's; 0 where nobody measured it."""
    name: str = ""
    precision: float | None = None
    way: Way = "write"
    note: str = ""


Left = dict[Literal["dropped", "silenced"], Counter[str]]
"""Remarks that are not made, by reason."""


class Stopwatch:
    """Seconds by stage; each lap ends where the next begins."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = clock()
        self.seconds: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Put the time since the last lap down to `stage`."""
        now = self._clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now


def review(
    change: str | Sequence[FileDiff],
    model: Model,
    settings: ReviewSettings,
    *,
    newcomer: bool | None = None,
    tuning: Tuning = UNTUNED,
    clock: Callable[[], float] = time.perf_counter,
) -> Reviewed:
    """Read a change with a model; PayloadError if the diff is none or that of a merge.

    `newcomer`: whether it is its author's first; None: not known. `tuning`: what became of earlier
    remarks of this adapter here.
    """
    watch = Stopwatch(clock)
    files = parse_diff(change) if isinstance(change, str) else tuple(change)
    info = model.info
    chosen = select(files, info.window_lines, settings)
    every = chosen.windows
    watch.lap("read")
    candidates: list[tuple[Window, float]] = []
    chances: list[float] = []
    if every:
        model.load()
        info = model.info
        watch.lap("load")
        scores = model.score([render_question(window) for window in every])
        watch.lap("score")
        chances = model.gate(every, scores, newcomer)
        candidates = _candidates(every, chances, info.threshold)
        watch.lap("gate")
    left: Left = {"dropped": Counter(), "silenced": Counter()}
    findings = _say(candidates, model, settings, tuning, left, watch)
    spoken = len(findings) + sum(counted.total() for counted in left.values())
    return Reviewed(
        adapter=info.adapter,
        base=info.base,
        threshold=info.threshold,
        shadow=info.shadow,
        findings=tuple(findings),
        reviewed=chosen.reviewed,
        skipped=chosen.skipped,
        windows=len(every),
        held_back=len(candidates) - spoken,
        dropped=dict(left["dropped"]),
        silenced=dict(left["silenced"]),
        chances=count_scores(chances),
        seconds=watch.seconds,
        name=info.name,
        precision=info.precision,
        way=info.way,
        note=info.note,
    )


def read_nothing(change: str, reason: str) -> Reviewed:
    """The review that there is where no adapter can speak: every file named with the reason."""
    files = parse_diff(change)
    return Reviewed(
        adapter="", base="", threshold=None, skipped={file.path: reason for file in files}
    )


def _candidates(
    every: Sequence[Window], probabilities: Sequence[float], threshold: float | None
) -> list[tuple[Window, float]]:
    """The windows to speak about, most probable first; equal ones in the order of the diff."""
    if threshold is None:
        return []
    over = [pair for pair in zip(every, probabilities, strict=True) if pair[1] >= threshold]
    return sorted(over, key=lambda pair: -pair[1])


def _say(
    candidates: Sequence[tuple[Window, float]],
    model: Model,
    settings: ReviewSettings,
    tuning: Tuning,
    left: Left,
    watch: Stopwatch,
) -> list[Finding]:
    """Ask for words, best windows first, until `max_comments` are usable or none is left."""
    findings: list[Finding] = []
    at = 0
    while at < len(candidates) and len(findings) < settings.max_comments:
        part = candidates[at : at + settings.max_comments - len(findings)]
        at += len(part)
        places = [_best_anchor(window, model) for window, _ in part]
        watch.lap("anchor")
        recalled = model.recall([window for window, _ in part], places)
        watch.lap("recall")
        messages = _messages([window for window, _ in part], places, recalled, model, settings)
        watch.lap("write")
        for (window, score), place, said, past in zip(
            part, places, messages, recalled, strict=True
        ):
            fault = message_fault(said) or unsure(said, score, model.info.by_kind)
            if fault:
                left["dropped"][fault] += 1
                continue
            remark = fit_suggestion(window, read_message(place, said))
            finding = _with_past(finding_of(window, remark, score), past)
            if why := tuning.silences(finding.message, score, finding.resembles):
                left["silenced"][why] += 1
                continue
            findings.append(finding)
    return findings


def _best_anchor(window: Window, model: Model) -> Anchor:
    """The likeliest of the places that exist: only lines of the window can come out."""
    allowed = anchors(window)
    scores = model.anchor_scores(window, allowed)
    return max(zip(scores, allowed, strict=True), key=lambda pair: pair[0])[1]


def _messages(
    asked: Sequence[Window],
    places: Sequence[Anchor],
    recalled: Sequence[Sequence[Recalled]],
    model: Model,
    settings: ReviewSettings,
) -> list[str]:
    """The texts after the anchors: written, or what was said of the most similar window."""
    way = model.info.way
    if way == "recall":
        return [_quoted(past) for past in recalled]
    shown = [[p.precedent() for p in past] if way == "recall+write" else () for past in recalled]
    questions = [render_question(*one) for one in zip(asked, shown, strict=True)]
    return model.write(questions, places, settings.max_tokens)


def _quoted(past: Sequence[Recalled]) -> str:
    """The most similar past remark; "" where nothing is similar enough to be said again, and where
    it said nothing but a suggestion that does not fit here."""
    if not past or past[0].resembles.similarity < LEAST_SIMILAR:
        return ""
    message, suggestion = past[0].message, past[0].suggestion
    if suggestion is not None:
        return with_suggestion(message, suggestion)
    return "" if message in WORDLESS else message


def _with_past(finding: Finding, past: Sequence[Recalled]) -> Finding:
    """Add what the finding resembles."""
    alike = [one.resembles for one in past if one.resembles.similarity >= LEAST_SIMILAR]
    return Finding(
        span=finding.span,
        message=finding.message,
        suggestion=finding.suggestion,
        score=finding.score,
        resembles=tuple(alike[:MOST_RESEMBLING]),
    )
