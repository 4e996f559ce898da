"""The result of an evaluation: figures with intervals, and samples, as stable JSON.

The same pairs, readings and seed give the same bytes; there are no times in it. What each figure
means is told in docs/evaluation.md.
"""

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from finetune.evaluation.metrics import UNKNOWN, Interval
from finetune.triggers import Trigger
from postil.errors import ConfigError
from postil.records import Record, Way

SCHEMA = 2

SliceKind = Literal["reviewer", "language", "category"]


class Counts(Record, frozen=True, kw_only=True):
    """How much was measured on."""

    pulls: int
    windows: int
    remarks: int
    silences: int
    ambiguous: int
    scored: int
    """Windows the engines scored; the rest are stood for by weights."""


class CurvePoint(Record, frozen=True, kw_only=True):
    """Precision and recall where everything from a threshold up is spoken on."""

    threshold: float
    recall: float
    precision: float


class CalibrationBin(Record, frozen=True, kw_only=True):
    """Windows of like probability: what the gate said, and what came."""

    predicted: float
    observed: float
    weight: float
    """Windows in it, those counted that are stood for."""


class Calibration(Record, frozen=True, kw_only=True):
    """How far the probabilities of a gate can be taken at their word."""

    error: Interval
    """Expected calibration error over bins of equal mass; 0 is best."""
    skill: Interval
    """Brier score against always saying the share of remarks: 1 is best, 0 no better than that."""
    bins: tuple[CalibrationBin, ...]


class SystemScore(Record, frozen=True, kw_only=True):
    """How well one way of deciding tells windows a reviewer remarked on from those passed over."""

    name: str
    auc: Interval
    average_precision: Interval
    auc_ambiguous_silent: Interval
    """With ambiguous windows counted as silences."""
    auc_ambiguous_remarked: Interval
    """With ambiguous windows counted as remarks."""
    threshold: float | None
    promised: float | None = None
    """The precision the threshold was chosen for; None: there is none, or nobody promised any."""
    spoken: int = 0
    """Windows it speaks on that are not unclear; thinned silences count once."""
    right: int = 0
    """Of these, how many a reviewer remarked on."""
    precision: Interval
    recall: Interval
    f1: Interval
    comments_per_pull: float | None
    note: str = ""
    calibration: Calibration | None = None
    """None: it gives no probabilities, or there is nothing to measure them on."""
    curve: tuple[CurvePoint, ...] = ()
    """From the highest threshold to the lowest; empty where nothing can be told apart."""


class Gain(Record, frozen=True, kw_only=True):
    """The adapter less another system, on the same resamples."""

    over: str
    auc: Interval
    average_precision: Interval


class Ablation(Record, frozen=True, kw_only=True):
    """The adapter's gate without a group of features; the first row is the one with all."""

    without: str
    auc: Interval
    loss: Interval | None
    """What of the ROC-AUC is lost without them, paired; None: nothing is left out."""


class ChoiceScore(Record, frozen=True, kw_only=True):
    """The four-way choice of one way of choosing, on the same remarks as the adapter's."""

    name: str
    four_way: Interval
    gain: Interval
    """The adapter's less this one's, paired."""


class LiveGain(Record, frozen=True, kw_only=True):
    """The adapter less the one that is promoted, on the same windows and remarks."""

    adapter: str
    auc: Interval
    four_way: Interval


class EngineScore(Record, frozen=True, kw_only=True):
    """What is measured on one engine alone."""

    name: str
    loss: Interval
    """Nats a token of held-out accepted remarks."""
    perplexity: Interval
    """e to the loss."""
    byte_perplexity: Interval = UNKNOWN
    """The same a byte of the remark, which bases with different tokens share."""
    loss_silences: Interval
    """Nats a token of NO_COMMENT on held-out silences."""
    no_comment_accuracy: Interval
    """Share of windows on which the sign of the log-odds is right."""
    silent_on_silences: Interval
    speaks_on_remarks: Interval
    gate_accuracy: Interval
    """The same at the gate's threshold."""
    right_line: Interval
    """Share of remarked windows on which the likeliest anchor touches the human's rows."""
    four_way: Interval
    """Share of remarks told from three others of the repository; chance is 0.25."""


class TextScore(Record, frozen=True, kw_only=True):
    """A system's remarks beside the human ones: how like they are, and how much they vary.

    The people themselves are a row named `human`, without likeness.
    """

    name: str
    samples: int = 0
    chrf: Interval = UNKNOWN
    bleu: Interval = UNKNOWN
    """CodeReviewer's, with stop words, 0 to 100."""
    bleu_no_stop: Interval = UNKNOWN
    """The same without stop words: hardly tells a constant remark from a trained system."""
    rouge_l: Interval = UNKNOWN
    exact_match: Interval = UNKNOWN
    distinct_1: Interval = UNKNOWN
    """Different words over all words of the system."""
    top_share: Interval = UNKNOWN
    """Share of its most frequent remark."""
    words: Interval = UNKNOWN
    """Mean length."""
    spoken: Interval = UNKNOWN
    """Share of the places for which it has words: who quotes may know of nothing that fits."""


class GroundingScore(Record, frozen=True, kw_only=True):
    """Whether a system's remarks are about the code they are said of; people are the yardstick."""

    name: str
    named: int
    """Remarks that name something of code."""
    names_known: Interval
    """Of the names of code in a remark, the share that stands in the window."""
    valid_line: Interval
    """Share whose anchor is one of the window's; unknown where nothing was placed."""
    changed_line: Interval
    """Share whose anchor holds an added or a removed row."""


class Forgetting(Record, frozen=True, kw_only=True):
    """Perplexity a token of texts that are no review, without and with the adapter."""

    kind: Literal["code", "prose"]
    pieces: int
    base: Interval
    adapter: Interval
    growth: Interval
    """The adapter's over the base's, less 1: 0.05 is five percent worse."""


class CanaryScore(Record, frozen=True, kw_only=True):
    """Secrets that were planted in the training part, only to see whether they come out again."""

    planted: int
    generated: int
    """How many the adapter wrote when asked the question they were planted behind."""
    rivals: int
    """Secrets never planted, that each was ranked against."""
    likeliest: int
    """How many the adapter finds likelier than all of its rivals."""
    exposure: Interval
    """Bits: log2 of the number ranked, less log2 of the rank."""
    chance: float
    """What the exposure would be if nothing had been learned."""


class Slice(Record, frozen=True, kw_only=True):
    """The adapter's figures on some of the remarks, against all silences of the same kind."""

    kind: SliceKind
    name: str
    remarks: int
    silences: int
    auc: Interval
    average_precision: Interval
    four_way: Interval
    four_way_count: int


class TopicScore(Record, frozen=True, kw_only=True):
    """Accepted remarks that say much the same, and how their topic fared on the test part."""

    message: str
    remarks: int
    pulls: int
    threshold: float | None
    """None: no threshold was right often enough, so it never fires."""
    expected: float | None
    """Precision, by the training and calibration parts."""
    fired: int
    """Windows it fired on."""
    precision: Interval
    """Share of these that were remarked on."""


class Said(Record, frozen=True, kw_only=True):
    """What one system says about a sample."""

    name: str
    anchor: str
    message: str


class PastRemark(Record, frozen=True, kw_only=True):
    """An accepted remark that the adapter remembers, made on code like a window's."""

    message: str
    url: str
    when: datetime | None
    similarity: float
    """From 0 to 1."""


class SampleView(Record, frozen=True, kw_only=True):
    """A test window with the human remark and those of the systems, as they are."""

    url: str
    path: str
    question: str
    human: Said
    said: tuple[Said, ...]
    probability: float | None
    """Of a remark, by the adapter's gate."""
    spoken: bool
    """Whether the adapter's gate would have spoken at all."""
    past: tuple[PastRemark, ...] = ()
    """The most similar first; as known when the pull request was decided."""


class Mistake(Record, frozen=True, kw_only=True):
    """A window the adapter's gate was most wrong about."""

    kind: Literal["spoken", "missed"]
    """`spoken`: probable, and reviewers were silent; `missed`: improbable, and they were not."""
    url: str
    path: str
    question: str
    human: Said | None
    probability: float
    past: tuple[PastRemark, ...] = ()


class Scorecard(Record, frozen=True, kw_only=True):
    """All that an evaluation found."""

    schema: int = SCHEMA
    adapter: str
    base: str
    template: str
    data_sha256: str = ""
    """Of the pairs that were measured on."""
    seed: int
    way: Way = "write"
    """How the adapter says things; the others are rows of `text` of their own."""
    counts: Counts
    systems: tuple[SystemScore, ...]
    gains: tuple[Gain, ...]
    ablation: tuple[Ablation, ...] = ()
    engines: tuple[EngineScore, ...]
    loss_gain: Interval = UNKNOWN
    """Held-out loss of the base less that of the adapter, paired; above 0 is better."""
    four_way_count: int
    choices: tuple[ChoiceScore, ...] = ()
    """Of base, retrieval and words in common."""
    live: LiveGain | None = None
    """None: nothing was promoted, or this is the promoted one."""
    newer_than: datetime | None = None
    """Only test remarks decided after that were measured on: what the live adapter may have seen
    is left out. With it and without `live`, there were none."""
    line_chance: float | None
    """Share of right lines a random changed row would get."""
    text: tuple[TextScore, ...]
    grounding: tuple[GroundingScore, ...] = ()
    forgetting: tuple[Forgetting, ...] = ()
    canaries: CanaryScore | None = None
    """None: none were planted, so nothing is known."""
    slices: tuple[Slice, ...] = ()
    """Those with enough remarks only."""
    triggers: tuple[Trigger, ...] = ()
    """Phrases of the training part that command a remark as a rule of the team would not."""
    topics: tuple[TopicScore, ...] = ()
    """The largest first."""
    samples: tuple[SampleView, ...]
    mistakes: tuple[Mistake, ...] = ()
    """The worst of each kind, the worst first."""

    def system(self, name: str) -> SystemScore:
        """One system by name; KeyError where it was not measured."""
        return {score.name: score for score in self.systems}[name]

    def choice(self, name: str) -> ChoiceScore:
        """One way of choosing by name; KeyError where it was not measured."""
        return {score.name: score for score in self.choices}[name]

    def engine(self, name: str) -> EngineScore:
        """One engine by name; KeyError where it was not measured."""
        return {score.name: score for score in self.engines}[name]


def encode_scorecard(scorecard: Scorecard) -> bytes:
    """Stable, indented JSON."""
    return msgspec.json.format(msgspec.json.encode(scorecard, order="deterministic")) + b"\n"


def read_scorecard(path: Path) -> Scorecard:
    """Load a scorecard; raise ConfigError where it is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Scorecard)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not an evaluation: {error}") from error
