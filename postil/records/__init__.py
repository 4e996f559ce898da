"""The records that flow between the stages, and their JSONL reading and writing.

Frozen and keyword-only. Lines are 1-based and both ends count. Times are aware and in UTC.
A signal is True, False, or None for unknown. `side` is LEFT (before) or RIGHT (after).
"""

from postil.records.base import (
    AuthorKind,
    DiffLine,
    LineKind,
    Record,
    Side,
    Span,
    Tier,
    Way,
    Window,
)
from postil.records.history import (
    Change,
    PullRequest,
    Reaction,
    Reply,
    Review,
    ReviewThread,
    Revision,
)
from postil.records.learning import (
    Acceptance,
    AdapterCard,
    Example,
    ExampleKind,
    LoraShape,
    Pair,
    Promotion,
    Split,
)
from postil.records.lines import (
    encode_line,
    read_jsonl,
    write_jsonl,
)
from postil.records.reviewing import (
    Draft,
    Finding,
    Outcome,
    PostedComment,
    Resemblance,
    SaidBy,
    SaidIn,
    Signal,
    SignalKind,
    Verdict,
)

__all__ = [
    "Acceptance",
    "AdapterCard",
    "AuthorKind",
    "Change",
    "DiffLine",
    "Draft",
    "Example",
    "ExampleKind",
    "Finding",
    "LineKind",
    "LoraShape",
    "Outcome",
    "Pair",
    "PostedComment",
    "Promotion",
    "PullRequest",
    "Reaction",
    "Record",
    "Reply",
    "Resemblance",
    "Review",
    "ReviewThread",
    "Revision",
    "SaidBy",
    "SaidIn",
    "Side",
    "Signal",
    "SignalKind",
    "Span",
    "Split",
    "Tier",
    "Verdict",
    "Way",
    "Window",
    "encode_line",
    "read_jsonl",
    "write_jsonl",
]
