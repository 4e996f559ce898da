"""A window -> the question asked of the model, versioned. Pure.

Training and serving call `render_question` and nothing else. Every row ends with the anchor that
an answer may use: `+added R7`, ` kept R8`, `-removed L9`. It stands behind the code because a
causal model reads left to right: only there can the anchor's own tokens know what the row says
(docs/decisions/003-anchors-behind-rows.md). Invisible and bidirectional characters are shown as
`<U+202E>`, so that what the model reads is what a person would see; long lines are cut.
"""

import re
from collections.abc import Sequence

from postil.answer import NO_COMMENT, row_letter
from postil.records import Record, Window

TEMPLATE = "postil-1"
"""Changes whenever the text of any question or answer would change."""

LONGEST_LINE = 240
"""Characters of one line that are shown."""

LONGEST_QUOTE = 80
"""Characters of a row that a past remark stood on."""

INSTRUCTION = f"Review this change. Answer {NO_COMMENT}, or a line and a remark."
PHRASINGS = (
    INSTRUCTION,
    f"Look over this change. Reply {NO_COMMENT}, or a line and what to say about it.",
    f"Here is a change to review. Give a line and a remark, or {NO_COMMENT}.",
    f"Is there something to say here? Answer with a line and a remark; if not, {NO_COMMENT}.",
    f"Read this diff as a reviewer. Write {NO_COMMENT} if it is fine, else a line and a remark.",
)
"""Wordings of the instruction. Only training may use the others; the first is asked in use."""

INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000e0000-\U000e0fff\ud800-\udfff]"
)


class Precedent(Record, frozen=True, kw_only=True):
    """A remark the team accepted earlier, and the row of code it stood on."""

    code: str
    message: str


def render_question(window: Window, precedents: Sequence[Precedent] = ()) -> str:
    """The whole instruction for one window.

    `precedents` stand before it, one a line; they must be older than the window's pull request,
    in training as in use.
    """
    earlier = (
        f"Earlier, on `{_shown(_flat(one.code), LONGEST_QUOTE)}`: {_shown(_flat(one.message))}"
        for one in precedents
    )
    rows = (
        f"{line.kind}{_shown(line.text)} {row_letter(line.kind)}{row}"
        for row, line in enumerate(window.lines, 1)
    )
    return "\n".join((INSTRUCTION, *earlier, reveal(window.path), *rows))


def render_empty_question() -> str:
    """The question without a change; what a remark is likely to be when nothing is known."""
    return INSTRUCTION


def rephrase(question: str, phrasing: int) -> str:
    """The question under another of the PHRASINGS; one that is not ours stays as it is."""
    first, newline, rest = question.partition("\n")
    return PHRASINGS[phrasing] + newline + rest if first == INSTRUCTION else question


def reveal(text: str) -> str:
    """Write characters that a person cannot see as `<U+XXXX>`."""
    return INVISIBLE.sub(lambda match: f"<U+{ord(match.group()):04X}>", text)


def _shown(text: str, longest: int = LONGEST_LINE) -> str:
    text = text.rstrip("\r")
    if len(text) > longest:
        text = text[:longest] + "…"
    return reveal(text)


def _flat(text: str) -> str:
    return " ".join(text.split())
