"""The records that flow between the stages, and their JSONL reading and writing.

Frozen and keyword-only. Lines are 1-based and both ends count. Times are aware and in UTC.
A signal is True, False, or None for unknown. `side` is LEFT (before) or RIGHT (after).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from postil.errors import ConfigError, PayloadError

Side = Literal["LEFT", "RIGHT"]
AuthorKind = Literal["person", "bot", "self"]
Tier = Literal["A", "B", "C", "D"]
Split = Literal["train", "validation", "calibration", "test"]
ExampleKind = Literal["remark", "silence", "ambiguous"]
LineKind = Literal["+", "-", " "]
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
Way = Literal["write", "recall", "recall+write"]
"""How an adapter says things (DESIGN.md §5)."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all records."""


class Span(Record, frozen=True, kw_only=True):
    """Some lines of one side of one file."""

    path: str
    side: Side
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 1 <= self.start <= self.end:
            raise PayloadError(f"{self.path}: lines {self.start} to {self.end} are no span")

    def overlaps(self, other: "Span") -> bool:
        """Both ends count: lines 3-5 overlap 5-7."""
        return (
            (self.path, self.side) == (other.path, other.side)
            and self.start <= other.end
            and other.start <= self.end
        )


class DiffLine(Record, frozen=True, kw_only=True):
    """One line of a hunk, with its number before (`old`) and after (`new`), where it has one."""

    kind: LineKind
    text: str
    old: int | None = None
    new: int | None = None


class Window(Record, frozen=True, kw_only=True):
    """A piece of a hunk; what one question is about. `path` is the path after the change."""

    path: str
    language: str
    lines: tuple[DiffLine, ...]

    def rows(self, span: Span) -> tuple[int, ...]:
        """The 1-based rows of this window that stand on a line of `span`."""
        if span.path != self.path:
            return ()
        numbers = (line.new if span.side == "RIGHT" else line.old for line in self.lines)
        return tuple(
            row
            for row, number in enumerate(numbers, 1)
            if number is not None and span.start <= number <= span.end
        )


class Revision(Record, frozen=True, kw_only=True):
    """One pushed state of a pull request; a patchset on Gerrit."""

    number: int
    sha: str
    base_sha: str
    pushed_at: datetime | None = None


class PullRequest(Record, frozen=True, kw_only=True):
    """A proposed change and the revisions it went through, oldest first."""

    repo: str
    number: int
    title: str
    author: str
    url: str
    created_at: datetime
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    state: Literal["open", "closed", "merged"]
    revisions: tuple[Revision, ...]


class Reply(Record, frozen=True, kw_only=True):
    """A later comment in a thread."""

    author: str
    author_kind: AuthorKind
    created_at: datetime
    body: str


class Reaction(Record, frozen=True, kw_only=True):
    """A thumbs-up or the like on a remark."""

    author: str
    content: str
    at: datetime | None = None


class ReviewThread(Record, frozen=True, kw_only=True):
    """One remark on lines of a revision, and what was said after it.

    `hunk` is the text stored with the comment, as it was at review time; it only locates the
    remark, and is empty where the source stores none.
    """

    id: str
    repo: str
    pull: int
    revision: str
    span: Span
    hunk: str = ""
    author: str
    author_kind: AuthorKind
    association: str = ""
    body: str
    created_at: datetime
    replies: tuple[Reply, ...] = ()
    resolved: bool | None = None
    resolved_by: str = ""
    """Who resolved it, where the host says."""
    hidden: bool | None = None
    """Whether somebody hid the remark, which takes write access."""
    suggestion: str | None = None
    reactions: tuple[Reaction, ...] = ()
    may_push: bool | None = None
    """Whether the author may write to the repository, where the host says."""
    url: str


class Review(Record, frozen=True, kw_only=True):
    """Someone looked at a revision; `vote` as on Gerrit: +2 approves, -2 blocks, 0 is a look."""

    reviewer: str
    association: str = ""
    revision: str
    at: datetime
    vote: int = 0
    may_push: bool | None = None


class Change(Record, frozen=True, kw_only=True):
    """All that a source knows of one pull request. `merged_by` is the account that merged it."""

    pull: PullRequest
    threads: tuple[ReviewThread, ...]
    reviews: tuple[Review, ...]
    merged_by: str | None = None
    complete: bool = True
    """False: remarks were made that the source cannot tell of, so no window is a silence."""
    licence: str = ""
    """SPDX id under which the host shows the repository, where it does."""


class Acceptance(Record, frozen=True, kw_only=True):
    """Every signal seen that a remark was heeded, and the tier they add up to (None: none)."""

    suggestion_applied: bool | None = None
    lines_changed: bool | None = None
    acknowledged: bool | None = None
    resolved: bool | None = None
    tier: Tier | None = None


class Example(Record, frozen=True, kw_only=True):
    """A remark, a silence or an ambiguous window, before it is put into words."""

    id: str
    kind: ExampleKind
    window: Window
    response: str
    repo: str
    pull: int
    title: str
    revision: str
    decided_at: datetime
    author: str = ""
    tier: Tier | None = None
    url: str
    located: bool = True
    """False: the commit is gone and the window came from the stored hunk: wording only."""
    newcomer: bool | None = None
    """Whether it was the first change of its author here."""
    origin: str = ""
    """The name under which a person's decision about it is kept."""


class Pair(Record, frozen=True, kw_only=True):
    """One instruction/response pair. Pairs from elsewhere carry only these two texts."""

    id: str
    instruction: str
    response: str
    template: str = ""
    split: Split = "train"
    kind: ExampleKind = "remark"
    example: str = ""
    repo: str = ""
    pull: int = 0
    decided_at: datetime | None = None
    author: str = ""
    tier: Tier | None = None
    url: str = ""
    licence: str = ""
    located: bool = True
    newcomer: bool | None = None
    origin: str = ""
    window: Window | None = None


class LoraShape(Record, frozen=True, kw_only=True):
    """The size and place of the low-rank matrices."""

    rank: int
    alpha: int
    dropout: float
    targets: tuple[str, ...]


class Promotion(Record, frozen=True, kw_only=True):
    """That an adapter was let to speak, and against what."""

    at: datetime
    how: Literal["earned", "forced", "shadow"]
    """In `shadow` it is recorded what it would say, whatever the settings."""
    failed: tuple[str, ...] = ()
    """The checks that said no; empty where it was earned."""


class AdapterCard(Record, frozen=True, kw_only=True):
    """What an adapter is; written last into its folder, and checked before every load."""

    schema: int = 1
    name: str
    repo: str
    base: str
    base_revision: str
    base_sha256: str
    template: str
    window_lines: int
    max_length: int
    data_sha256: str
    pairs: int
    mode: str
    lora: LoraShape | None = None
    scoring: dict[str, str]
    """How scores were computed (dtype, quantisation, engine); another path needs recalibration."""
    seed: int
    libraries: dict[str, str]
    files: dict[str, str]
    """sha256 of every other file in the folder, by name."""
    metrics: dict[str, float]
    threshold: float | None = None
    parent: str | None = None
    created_at: datetime
    promotion: Promotion | None = None
    """The last one; None: it was never let speak. Nothing else of a published card changes."""
    seen_until: datetime | None = None
    """When the youngest pull request was decided that training, early stopping or calibration saw;
    None: an earlier release made it, and `created_at` is all that is known."""
    pooled: tuple[str, ...] = ()
    """The repositories it was trained on, where there are several."""

    @property
    def has_weights(self) -> bool:
        """False in retrieval mode, which only remembers: it has no base either."""
        return self.mode != "retrieval"


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


T = TypeVar("T", bound=Record)


def encode_line(record: Record) -> bytes:
    """One record as one JSON line, without the newline."""
    return msgspec.json.encode(record, order="deterministic")


def write_jsonl(path: Path, records: Iterable[Record]) -> int:
    """Write one record a line, aside first; return how many."""
    aside = path.with_name(path.name + ".part")
    count = 0
    with aside.open("wb") as file:
        for record in records:
            file.write(encode_line(record) + b"\n")
            count += 1
    aside.replace(path)
    return count


def read_jsonl(path: Path, kind: type[T]) -> Iterator[T]:
    """Read records one at a time; raise ConfigError naming the line that is not one."""
    decoder = msgspec.json.Decoder(kind)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _decode_line(decoder, line, f"{path}:{number}")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _decode_line(decoder: msgspec.json.Decoder[T], line: bytes, where: str) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, PayloadError) as error:
        raise ConfigError(f"{where}: not a {decoder.type.__name__}: {error}") from error
