"""A window as the rows of a page, and under them what was said of them. Pure.

Rows come from a question, which shows a window as the model saw it, or from the window itself,
with the numbers of the file. Indentation that all rows share is left out: on a phone it would
leave no room for the code.
"""

from collections.abc import Sequence
from os.path import commonprefix
from typing import Literal

from postil.answer import Anchor
from postil.records import Record, Window

MOST_LINES, MOST_CHARACTERS = 16, 1600
"""Of one text: a model that cannot stop would fill the page."""

Role = Literal["person", "postil", "other"]


class Past(Record, frozen=True, kw_only=True):
    """An accepted remark of the past, and how it is like what was said."""

    text: str
    url: str


class Voice(Record, frozen=True, kw_only=True):
    """What somebody said of a window; without an anchor it stands under the last row."""

    role: Role
    name: str
    text: str
    anchor: Anchor | None = None
    note: str = ""
    past: tuple[Past, ...] = ()

    @property
    def shown(self) -> str:
        """The text, its end left out where it is very long."""
        start = "\n".join(self.text.split("\n")[:MOST_LINES])[:MOST_CHARACTERS]
        left = len(self.text) - len(start)
        return f"{start} … ({left} more characters)" if left else start


class Row(Record, frozen=True, kw_only=True):
    """One line of a window."""

    number: str
    kind: str
    text: str
    said: tuple[Voice, ...] = ()


def rows_of_question(question: str, voices: Sequence[Voice] = ()) -> tuple[Row, ...]:
    """The rows that a question shows under its instruction and path; numbered as there."""
    rows = [line.rsplit(" ", 1) for line in question.split("\n")[2:]]
    bare = [(anchor, text[:1], text[1:]) for text, anchor in (row for row in rows if len(row) == 2)]
    return _with_voices(bare, voices)


def rows_of_window(window: Window, voices: Sequence[Voice] = ()) -> tuple[Row, ...]:
    """The rows of a window, with the line numbers of the side they are on."""
    bare = [
        (str((line.old if line.kind == "-" else line.new) or ""), line.kind, line.text)
        for line in window.lines
    ]
    return _with_voices(bare, voices)


def _with_voices(bare: Sequence[tuple[str, str, str]], voices: Sequence[Voice]) -> tuple[Row, ...]:
    last, indent = len(bare), _shared_indent([text for _, _, text in bare])
    ends = [min(voice.anchor.end, last) if voice.anchor else last for voice in voices]
    return tuple(
        Row(
            number=number,
            kind=kind,
            text=text[indent:],
            said=tuple(one for one, end in zip(voices, ends, strict=True) if end == place),
        )
        for place, (number, kind, text) in enumerate(bare, 1)
    )


def _shared_indent(texts: Sequence[str]) -> int:
    """Characters of blank that every row with something on it begins with."""
    filled = [text for text in texts if text.strip()]
    shared = commonprefix(filled)  # noqa: RUF071 - not paths: characters are meant
    return len(shared) - len(shared.lstrip())
