"""A remark's replacement text -> one that may be offered, or words where it is not sure. Pure.

A suggestion is applied by one click, so it is offered only where applying it leaves what the
reviewer means: on lines of the new side, with their indentation, nothing around them doubled and
no bracket left open. Where that is doubtful its text stays in the message, as code.
"""

import re
from collections import Counter
from collections.abc import Sequence

import msgspec

from bot.saying.sanitize import suggestion_fault
from postil.answer import Remark, fence_for
from postil.records import Window

ROW_MARK = re.compile(r" [RL]\d+$")
"""How a row of a window ends in the question; no line of a file does."""
PAIRS = ("()", "[]", "{}")
PROSE = frozenset({"markdown", "text"})
TEXTS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|(?:#|//).*$")
"""Strings and comments of one line, in which brackets need not be even."""


def apply_suggestion(lines: Sequence[str], start: int, end: int, text: str) -> list[str]:
    """Lines of a file with `start` to `end`, 1-based and both included, replaced as a host does."""
    if not 1 <= start <= end <= len(lines):
        raise ValueError(f"lines {start} to {end} are not among {len(lines)}")
    return [*lines[: start - 1], *text.split("\n")[:-1], *lines[end:]]


def fit_suggestion(window: Window, remark: Remark) -> Remark:
    """The remark with a suggestion that may be applied, or with its text as plain code, or none."""
    if remark.suggestion is None:
        return remark
    if remark.anchor.side == "L" or suggestion_fault(remark.suggestion):
        return msgspec.structs.replace(remark, suggestion=None)
    rows = window.lines[remark.anchor.start - 1 : remark.anchor.end]
    replaced = [line.text for line in rows]
    text = _indented(remark.suggestion, replaced)
    if doubt(window, remark, text) is None:
        return msgspec.structs.replace(remark, suggestion=text)
    return msgspec.structs.replace(remark, message=_with_code(remark), suggestion=None)


def doubt(window: Window, remark: Remark, text: str) -> str | None:
    """Why it is not sure that a text replaces the remark's rows as it is meant; None if it is."""
    first, last = remark.anchor.start - 1, remark.anchor.end - 1
    replaced = [line.text for line in window.lines[first : last + 1]]
    if any(line.endswith("\r") for line in replaced):
        return "its lines end in another way"
    new = text.split("\n")[:-1]
    if new == replaced:
        return "changes nothing"
    if any(ROW_MARK.search(line) for line in new) or _marked(new) > _marked(replaced):
        return "repeats the marks of the question"
    above, below = _neighbours(window, first, last)
    if _doubles(new, replaced, above, below):
        return "repeats the lines around it"
    only_indented = [line.strip() for line in new] == [line.strip() for line in replaced]
    if new and not only_indented and _indent(new) != _indent(replaced):
        return "is indented in another way"
    if window.language not in PROSE and _open(new) != _open(replaced):
        return "leaves a bracket open, or closes another"
    return None


def _marked(lines: Sequence[str]) -> bool:
    """Whether every line begins as an added row does."""
    return bool(lines) and all(line.lstrip().startswith("+") for line in lines)


def _indented(text: str, replaced: Sequence[str]) -> str:
    """With the indentation of what it replaces, where it has lost all of it."""
    new, indent = text.split("\n")[:-1], _indent(replaced)
    if not indent or _indent(new) or [n.strip() for n in new] == [r.strip() for r in replaced]:
        return text
    return "".join(f"{indent}{line}\n" if line.strip() else "\n" for line in new)


def _indent(lines: Sequence[str]) -> str:
    """Of the first line that is not blank."""
    first = next((line for line in lines if line.strip()), "")
    return first[: len(first) - len(first.lstrip())]


def _neighbours(window: Window, first: int, last: int) -> tuple[str, str]:
    """The lines of the new side before and after some rows, "" at the window's ends."""
    kept = [line.text for line in window.lines[:first] if line.kind != "-"]
    after = [line.text for line in window.lines[last + 1 :] if line.kind != "-"]
    return (kept[-1] if kept else ""), (after[0] if after else "")


def _doubles(new: Sequence[str], replaced: Sequence[str], above: str, below: str) -> bool:
    """Whether a neighbour that has something to tell comes again in the text."""
    told = [line.strip() for line in (above, below) if len(line.strip()) > 3]
    there = Counter(line.strip() for line in new)
    before = Counter(line.strip() for line in replaced)
    return any(there[line] > before[line] for line in told)


def _open(lines: Sequence[str]) -> tuple[int, ...]:
    """How many brackets of each pair the lines leave open; negative: they close earlier ones."""
    bare = "\n".join(TEXTS.sub("", line) for line in lines)
    return tuple(bare.count(pair[0]) - bare.count(pair[1]) for pair in PAIRS)


def _with_code(remark: Remark) -> str:
    """The message with the text as a plain block of code; only the message for no text."""
    text = remark.suggestion or ""
    fence = fence_for(text)
    return f"{remark.message}\n\n{fence}\n{text}{fence}" if text.strip() else remark.message
