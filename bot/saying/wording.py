"""What the model wrote after an anchor -> a remark that can be used, or why it cannot. Pure."""

import re
from collections import Counter

from bot.saying.sanitize import sanitize
from postil.answer import NO_COMMENT, OPENING, Anchor, Remark, parse_answer
from postil.errors import PayloadError

MOST_REPEATS = 3
"""Times that one line, or the same three words, may come."""

WORD = re.compile(r"[^\W\d_]{2,}")


def read_message(place: Anchor, text: str) -> Remark:
    """Read a message with what may follow it; a suggestion that is cut off is dropped."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    try:
        remark = parse_answer(f"{place}\n{text}")
    except PayloadError:
        remark = None
    if remark is None:
        return Remark(anchor=place, message=_message_part(text))
    return remark


def _message_part(text: str) -> str:
    """What stands before the first suggestion fence."""
    return OPENING.split(text.replace("\r", "\n"), maxsplit=1)[0].strip()


def message_fault(text: str) -> str | None:
    """Why a message cannot be used; None if it can."""
    message = _message_part(text)
    if not message:
        return "empty"
    if message.startswith(NO_COMMENT):
        return "took back the remark"
    if not WORD.search(sanitize(message)):
        return "without a word"
    lines = Counter(line.strip() for line in message.split("\n") if line.strip())
    words = message.lower().split()
    triples = Counter(zip(words, words[1:], words[2:], strict=False))
    if max(lines.values()) > MOST_REPEATS or max(triples.values(), default=0) > MOST_REPEATS:
        return "repeats itself"
    return None
