"""The result of an evaluation: figures with intervals, and samples, as stable JSON.

The same pairs, readings and seed give the same bytes; there are no times in it.
"""

from pathlib import Path

import msgspec

from finetune.evaluation.metrics import UNKNOWN, Interval
from postil.errors import ConfigError
from postil.records import Record

SCHEMA = 1


class Counts(Record, frozen=True, kw_only=True):
    """How much was measured on."""

    pulls: int
    windows: int
    remarks: int
    silences: int
    ambiguous: int
    scored: int
    """Windows the engines scored; the rest are stood for by weights."""


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
    precision: Interval
    recall: Interval
    f1: Interval
    comments_per_pull: float | None
    note: str = ""


class Gain(Record, frozen=True, kw_only=True):
    """The adapter less another system, on the same resamples."""

    over: str
    auc: Interval
    average_precision: Interval


class EngineScore(Record, frozen=True, kw_only=True):
    """What is measured on one engine alone."""

    name: str
    loss: Interval
    """Nats a token of held-out accepted remarks."""
    perplexity: Interval
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
    """Likeness of a system's remarks to the human ones."""

    name: str
    chrf: Interval


class Said(Record, frozen=True, kw_only=True):
    """What one system says about a sample."""

    name: str
    anchor: str
    message: str


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


class Scorecard(Record, frozen=True, kw_only=True):
    """All that an evaluation found."""

    schema: int = SCHEMA
    adapter: str
    base: str
    template: str
    seed: int
    counts: Counts
    systems: tuple[SystemScore, ...]
    gains: tuple[Gain, ...]
    engines: tuple[EngineScore, ...]
    loss_gain: Interval = UNKNOWN
    """Held-out loss of the base less that of the adapter, paired; above 0 is better."""
    four_way_gain: Interval = UNKNOWN
    four_way_count: int
    line_chance: float | None
    """Share of right lines a random changed row would get."""
    text: tuple[TextScore, ...]
    samples: tuple[SampleView, ...]

    def system(self, name: str) -> SystemScore:
        """One system by name; KeyError where it was not measured."""
        return {score.name: score for score in self.systems}[name]

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
