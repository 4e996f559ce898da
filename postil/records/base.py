"""What every record is made of: places in code, and the rows of a change."""

from typing import Literal

import msgspec

from postil.errors import PayloadError

Side = Literal["LEFT", "RIGHT"]

AuthorKind = Literal["person", "bot", "self"]

Tier = Literal["A", "B", "C", "D"]

LineKind = Literal["+", "-", " "]

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
