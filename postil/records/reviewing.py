"""What Postil says about a change, and what people did with it."""

from datetime import datetime
from typing import Literal

import msgspec

from postil.records.base import Record, Span, Tier, Way

SaidIn = Literal["comment", "review", "summary"]

SignalKind = Literal[
    "suggestion applied",
    "lines changed",
    "resolved",
    "acknowledged",
    "refused",
    "liked",
    "disliked",
    "hidden",
    "deleted",
    "remarked there",
]

Verdict = Literal["acted on", "refused", "passed over", "not merged"]

SaidBy = Literal["postil", "shadow", "person"]


class Resemblance(Record, frozen=True, kw_only=True):
    """A past accepted remark of the repository that a finding is like."""

    url: str
    when: datetime | None = None
    similarity: float
    pull: int = 0
    """0: unknown."""
    author: str = ""
    """Empty unless the adapter was made with `review.name_reviewers`."""


class Finding(Record, frozen=True, kw_only=True):
    """One remark of the model, on lines of the change. `score` is the gate's probability."""

    span: Span
    message: str
    suggestion: str | None = None
    score: float
    resembles: tuple[Resemblance, ...] = ()


class Draft(Record, frozen=True, kw_only=True):
    """What the model said for one head; stored before anything is posted."""

    repo: str
    pull: int
    head_sha: str
    adapter: str
    findings: tuple[Finding, ...]
    reviewed: tuple[str, ...]
    skipped: dict[str, str]
    shadow: bool = False
    """Of an adapter that was not promoted to speak: nothing of it is posted."""
    name: str = ""
    base: str = ""
    way: Way = "write"
    threshold: float | None = None
    precision: float | None = None
    """Of the adapter, as it was measured; None: it was not."""
    windows: int = 0
    held_back: int = 0
    """Windows over the threshold and beyond the most comments a review may have."""
    silenced: dict[str, int] = msgspec.field(default_factory=dict)
    """Remarks that the outcomes of earlier ones keep from being made, by reason."""
    chances: tuple[int, ...] = ()
    """Windows by the gate's probability, in the bins of `bot.outcomes.scores`."""
    seconds: dict[str, float] = msgspec.field(default_factory=dict)
    """By stage, as a clock on the wall shows them."""
    cpu_s: float = 0.0
    """Of our process and the model's, but for starting the latter."""


class PostedComment(Record, frozen=True, kw_only=True):
    """One thing of ours that stands on the host, by its marker; see `postil.marker.Marker`.

    A summary repeats the markers of what was said. `thread` is what the host resolves it by, "" if
    that cannot be. `open`: nobody resolved it. `settled`: we did, or said so in it. `dismissed`: a
    person hid it, gave it a thumbs-down, or refused in a reply.
    """

    said_in: SaidIn = "comment"
    place: str
    fingerprint: str
    comment_id: int
    url: str
    head_sha: str
    adapter: str
    text: str = ""
    rows: int = 0
    around: tuple[str, str] = ("", "")
    words: str = ""
    thread: str = ""
    open: bool = True
    settled: bool = False
    dismissed: bool = False


class Signal(Record, frozen=True, kw_only=True):
    """One thing that was done with a comment, and when.

    `exact`: the host tells the time; else it was done by then. `counts`: by somebody who is known
    to have write access, or seen in the merged code.
    """

    kind: SignalKind
    at: datetime
    exact: bool = True
    by: str = ""
    counts: bool = True


class Outcome(Record, frozen=True, kw_only=True):
    """What people did with one comment, once its pull request was closed.

    `said_by`: us; us, had we spoken; or a reviewer in the same pull request, to compare. `key`
    tells the comments of a pull request apart.
    """

    repo: str
    pull: int
    key: str
    said_by: SaidBy
    adapter: str = ""
    head_sha: str
    path: str
    line: int
    category: str
    score: float | None = None
    """The gate's probability; None: of a person, or no draft is kept."""
    url: str = ""
    echoes: str = ""
    """The past accepted remark that it resembled most."""
    said_at: datetime
    closed_at: datetime
    signals: tuple[Signal, ...] = ()
    tier: Tier | None = None
    verdict: Verdict
    decided_by: str = ""
    """Whose decision it was: who did what counts, else who merged without doing anything."""
