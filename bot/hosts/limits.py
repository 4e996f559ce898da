"""What fits into a comment, and a review whose lines were refused folded into its body. Pure.

Markers stand at the end of a text and survive every cut, or we would not know the text again.
"""

import re
from collections.abc import Sequence

from bot.hosts import LineComment
from postil.marker import SHAPE

LONGEST_BODY = 65_536
"""Characters of a comment or of a review's body; one more is a 422 for the whole review."""

LONGEST_FENCE = 40
"""Characters kept free to close the code fence that a cut fell into."""

CUT = "\n\n*(cut: longer than the host takes)*"
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)


def fit(text: str, limit: int = LONGEST_BODY) -> str:
    """Cut a text to the limit, closing the fence it was cut in and keeping its last marker."""
    if len(text) <= limit:
        return text
    text, marker = split_marker(text)
    shown = text[: limit - len(CUT) - len(marker) - LONGEST_FENCE]
    return shown + _open_fence(shown)[:LONGEST_FENCE] + CUT + marker


def split_marker(text: str) -> tuple[str, str]:
    """The text and the marker at its end, with the blanks before it; "" where there is none."""
    found = list(SHAPE.finditer(text))
    if not found or text[found[-1].end() :].strip():
        return text, ""
    shown = text[: found[-1].start()].rstrip()
    return shown, text[len(shown) : found[-1].end()]


def fold(body: str, comments: Sequence[LineComment], limit: int = LONGEST_BODY) -> str:
    """One body that says everything the comments say; what does not fit is counted in it.

    Used where the host refused a line without naming which: nothing is lost, only the place.
    """
    text, marker = split_marker(body)
    text = fit(text, limit // 2)
    left_out = "\n\n*({} more remarks did not fit)*"
    room = limit - len(text) - len(marker) - len(left_out) - 8
    parts: list[str] = []
    for number, comment in enumerate(comments):
        part = f"\n\n---\n**{_where(comment)}**\n\n{comment.body}"
        if len(part) > room:
            parts.append(left_out.format(len(comments) - number))
            break
        parts.append(part)
        room -= len(part)
    return text + "".join(parts) + marker


def _where(comment: LineComment) -> str:
    path = comment.path.replace("`", "'")
    first = comment.start_line or comment.line
    lines = f"line {first}" if first == comment.line else f"lines {first}-{comment.line}"
    old = " (before the change)" if comment.side == "LEFT" else ""
    return f"`{path}` {lines}{old}"


def _open_fence(text: str) -> str:
    """What closes the code fence that is still open at the end of a text."""
    opened = ""
    for match in FENCE.finditer(text):
        run = match.group(1)
        if not opened:
            opened = run
        elif run[0] == opened[0] and len(run) >= len(opened):
            opened = ""
    return f"\n{opened}" if opened else ""
