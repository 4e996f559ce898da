"""What a replay found: one record a pull request, and figures over all of them. Pure."""

from datetime import datetime
from typing import Literal

import msgspec

from finetune.evaluation.metrics import Interval
from postil.answer import Anchor
from postil.records import ExampleKind, Finding, Record, Window

SCHEMA = 1

Agreement = Literal["line", "window", "alarm", "unclear", "missed"]
"""Of a comment: on the reviewer's lines, elsewhere in a window they spoke on, on a window they
passed over, or where they said something that was not accepted; of a remark: nothing was said."""


class Heard(Record, frozen=True, kw_only=True):
    """A reviewer's accepted remark on a window."""

    anchor: Anchor
    message: str
    url: str


class Aside(Record, frozen=True, kw_only=True):
    """What a person said that teaches nothing: not heeded, too short, or by nobody who teaches."""

    path: str
    line: int
    message: str
    url: str


class Place(Record, frozen=True, kw_only=True):
    """A window on which a reviewer or Postil spoke. Without a probability it was not read."""

    window: Window
    kind: ExampleKind
    probability: float | None
    heard: Heard | None
    comment: Finding | None

    @property
    def agreement(self) -> Agreement:
        """How the two of them relate."""
        if self.comment is None:
            return "missed"
        if self.heard is None:
            return "unclear" if self.kind == "ambiguous" else "alarm"
        ours = self.window.rows(self.comment.span)
        theirs = range(self.heard.anchor.start, self.heard.anchor.end + 1)
        return "line" if set(ours) & set(theirs) else "window"


class Tokens(Record, frozen=True, kw_only=True):
    """What a language model is paid by: `read` in every question put to it, and `written`."""

    read: int
    written: int


class Replayed(Record, frozen=True, kw_only=True):
    """One pull request as it would have gone."""

    repo: str
    number: int
    title: str
    url: str
    decided_at: datetime
    windows: int
    """Windows that were read, by what reviewers did: see the next three."""
    remarks: int
    silences: int
    unclear: int
    places: tuple[Place, ...]
    asides: tuple[Aside, ...]
    """In no figure, and empty where the store does not hold the pull request."""
    skipped: dict[str, str]
    """Files that were not read, with the reason."""
    held_back: int
    """Windows over the threshold and beyond the most comments a review may have."""
    dropped: dict[str, int]
    """Messages that could not be used, by reason."""
    seconds: float
    """Without loading the model."""
    tokens: Tokens

    def count(self, agreement: Agreement) -> int:
        """How many places are so."""
        return sum(place.agreement == agreement for place in self.places)

    @property
    def comments(self) -> int:
        """How many would have been posted."""
        return sum(place.comment is not None for place in self.places)


class Totals(Record, frozen=True, kw_only=True):
    """Figures over all pull requests; intervals by pull request."""

    pulls: int
    windows: int
    remarks: int
    comments: int
    agreements: dict[Agreement, int]
    precision: Interval
    """Comments on windows with an accepted remark, of those that can be judged."""
    right_line: Interval
    """The same, on the reviewer's very lines."""
    recall: Interval
    """Windows with an accepted remark that were spoken on, of all of them."""
    comments_per_pull: Interval
    quiet_pulls: Interval
    """Share of pull requests without a comment."""
    seconds_per_pull: Interval
    seconds: float
    tokens: Tokens


class Backtest(Record, frozen=True, kw_only=True):
    """All that a backtest found."""

    version: int = msgspec.field(name="schema", default=SCHEMA)
    adapter: str
    base: str
    repo: str
    threshold: float | None
    max_comments: int
    same_pairs: bool
    """Whether the adapter was made from these very pairs, of which these pull requests are the
    newest part; else its calibration may have seen some of them."""
    merged_known: bool
    """False: pairs alone do not say whether a closed pull request was merged."""
    totals: Totals
    pulls: tuple[Replayed, ...]
