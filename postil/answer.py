"""A remark <-> the response text of the model; a strict grammar. Pure.

A response is `NO_COMMENT`, or an anchor on its first line (`R7`, `R7-9`, `L4`: side and rows as
`postil.prompt` prints them in the window), a message, and at most one `suggestion` fence at its
end. `parse_answer(render_answer(x)) == x` for every valid remark.
"""

import re
from typing import Literal

import msgspec

from postil.errors import PayloadError
from postil.records import Finding, Record, Side, Span, Window

NO_COMMENT = "NO_COMMENT"
ANCHOR = re.compile(r"^([RL])([1-9]\d{0,5})(?:-([1-9]\d{0,5}))?$")
OPENING = re.compile(r"^(`{3,})suggestion$", re.MULTILINE)
REPLACE, DELETE = "Suggested change:", "Remove this:"
WORDLESS = (REPLACE, DELETE)
"""The words of a suggestion that came without any."""
LONGEST_RANGE = 5
"""Rows; longer ranges are never generated, only read from people's remarks."""


class Anchor(Record, frozen=True, kw_only=True):
    """Rows of a window, 1-based, both ends included. `R` is the new side, `L` the old one."""

    side: Literal["R", "L"]
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 1 <= self.start <= self.end:
            raise PayloadError(f"anchor {self.side}{self.start}-{self.end} is no range")

    def __str__(self) -> str:
        tail = f"-{self.end}" if self.end > self.start else ""
        return f"{self.side}{self.start}{tail}"


class Remark(Record, frozen=True, kw_only=True):
    """What a reviewer says about some rows of a window.

    `suggestion` is the text to put in place of the rows: "" deletes them, else it ends with a
    newline; None: no suggestion.
    """

    anchor: Anchor
    message: str
    suggestion: str | None = None

    def __post_init__(self) -> None:
        if not self.message or self.message != clean_message(self.message):
            raise PayloadError("a message is text without outer blanks or a suggestion fence")
        if self.suggestion and not self.suggestion.endswith("\n"):
            raise PayloadError("a suggestion is empty or ends with a newline")


def clean_message(text: str) -> str:
    """Make any text fit for `Remark.message` (it may come out empty)."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return OPENING.sub(r"\1", text).strip()


def render_answer(remark: Remark | None) -> str:
    """The response text; None is silence."""
    if remark is None:
        return NO_COMMENT
    text = f"{remark.anchor}\n{remark.message}"
    if remark.suggestion is not None:
        text = with_suggestion(text, remark.suggestion)
    return text


def with_suggestion(message: str, suggestion: str) -> str:
    """A message, and below it the fence of its suggestion."""
    fence = fence_for(suggestion)
    return f"{message}\n{fence}suggestion\n{suggestion}{fence}"


def parse_answer(text: str) -> Remark | None:
    """Read a response; raise PayloadError for anything outside the grammar."""
    if text == NO_COMMENT:
        return None
    first, newline, rest = text.partition("\n")
    if not newline:
        raise PayloadError("an answer is NO_COMMENT, or an anchor, a newline and a message")
    anchor = parse_anchor(first)
    opening = OPENING.search(rest)
    if opening is None:
        return Remark(anchor=anchor, message=rest)
    fence = opening.group(1)
    message, body = rest[: opening.start()], rest[opening.end() + 1 :]
    if not message.endswith("\n") or body.split("\n")[-1] != fence:
        raise PayloadError("a suggestion stands after the message and ends the answer")
    suggestion = body[: -len(fence)]
    if fence != fence_for(suggestion):
        raise PayloadError("the suggestion's fence does not fit its text")
    return Remark(anchor=anchor, message=message[:-1], suggestion=suggestion)


def parse_anchor(text: str) -> Anchor:
    """Read `R7`, `R7-9` or `L4`; raise PayloadError for anything else."""
    match = ANCHOR.match(text)
    if match is None or match.group(3) == match.group(2):
        raise PayloadError(f"not an anchor: {text[:40]!r}")
    start = int(match.group(2))
    side: Literal["R", "L"] = "R" if match.group(1) == "R" else "L"
    return Anchor(side=side, start=start, end=int(match.group(3) or start))


def fence_for(text: str) -> str:
    """Backticks, one more than the longest run in `text`, at least three."""
    runs = (len(run) for run in re.findall(r"`+", text))
    return "`" * max(3, 1 + max(runs, default=0))


def row_letter(kind: str) -> Literal["R", "L"]:
    """Removed lines stand on the left side, added and kept ones on the right."""
    return "L" if kind == "-" else "R"


def anchors(window: Window, longest: int = LONGEST_RANGE) -> list[Anchor]:
    """Every anchor that may be said about this window, single rows first within each start."""
    found: list[Anchor] = []
    for start, line in enumerate(window.lines, 1):
        side = row_letter(line.kind)
        for end in range(start, min(start + longest, len(window.lines) + 1)):
            if row_letter(window.lines[end - 1].kind) != side:
                break
            found.append(Anchor(side=side, start=start, end=end))
    return found


def anchor_of(window: Window, span: Span) -> Anchor | None:
    """The anchor of the rows of `window` under `span`; None where it has none.

    A remark on a kept line counts for the new side whichever side it was made on.
    """
    rows = window.rows(span)
    if not rows:
        return None
    side = row_letter(window.lines[rows[-1] - 1].kind)
    same = [row for row in rows if row_letter(window.lines[row - 1].kind) == side]
    return Anchor(side=side, start=same[0], end=same[-1])


def span_of(window: Window, anchor: Anchor) -> Span:
    """The lines of the file under an anchor; raise PayloadError if it is not of this window."""
    if anchor.end > len(window.lines):
        raise PayloadError(f"anchor {anchor} is outside a window of {len(window.lines)} rows")
    first, last = window.lines[anchor.start - 1], window.lines[anchor.end - 1]
    if {row_letter(first.kind), row_letter(last.kind)} != {anchor.side}:
        raise PayloadError(f"anchor {anchor} is on the wrong side")
    side: Side = "RIGHT" if anchor.side == "R" else "LEFT"
    start, end = (first.new, last.new) if side == "RIGHT" else (first.old, last.old)
    assert start is not None and end is not None  # noqa: S101 - a line has its own side's number
    return Span(path=window.path, side=side, start=start, end=end)


def finding_of(window: Window, remark: Remark, score: float) -> Finding:
    """Turn rows of a window into lines of the file."""
    return Finding(
        span=span_of(window, remark.anchor),
        message=remark.message,
        suggestion=remark.suggestion,
        score=score,
    )


def remark_text(answer: str) -> str:
    """The message of a rendered answer; "" for silence or what cannot be parsed."""
    try:
        remark = parse_answer(answer)
    except (PayloadError, msgspec.ValidationError):
        return ""
    return remark.message if remark else ""
