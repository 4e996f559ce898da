"""Is a reworded message still the same remark? Pure.

A small model loses a `not`, a name, a number or half of a remark as easily as a comma, and repeats
what it was asked. So everything that must be exact has to be there again and nothing exact may be
new; a question stays one; in between, likeness by chrF has bounds.
"""

import re
from collections import Counter

from finetune.evaluation.metrics import chrf
from postil.answer import ANCHOR, NO_COMMENT, clean_message

CODE_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
TOKEN = re.compile(r"\S+")
BRACKETS = "\"'“”‘’.,;:!?…<>[]{}"
EXACT = re.compile(
    r"""\w\(.*\)$ | ^\(\)              # a call
      | _ | :: | -> | ^--?\w | [$@%\\]\w | \w/\w.*[./] | ://
      | [a-z][A-Z] | ^[A-Z]{2,}s?$      # an inner capital; an acronym
      | [A-Za-z]-?\d | \d[A-Za-z]
      | \w\.\w""",
    re.VERBOSE,
)
"""In a word that is a name, an option, a path or an address, and no word of a language."""
QUOTED = re.compile(r"(?<!\w)([\"'|])(\S(?:[^\n]{0,60}?\S)?)\1(?!\w)")
"""Something said word for word: 'x', "x" or |x|."""
LATIN = frozenset(("e.g", "i.e", "a.k.a"))
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)*")
NEGATION = re.compile(
    r"\b(?:not|no|never|none|nothing|nobody|neither|nor|cannot|without)\b|n't\b", re.IGNORECASE
)
TASK = re.compile(
    r"\b(?:new comment|original comment|code review|review comment|answer with|translat\w+"
    r"|rewrit\w+|rewrote|paraphras\w+|in other words|in (?:English|French|German|Spanish))\b",
    re.IGNORECASE,
)
"""What engines were asked to do, and say again."""
PART = 0.85
"""Of the original's words; fewer of the same ones are a part of it and no other wording."""

EMPTY = "nothing said"
GRAMMAR = "looks like an answer's grammar"
TOO_LONG, TOO_SHORT = "more than twice as long", "less than half as long"
LOST, ADDED = "a name, a number or code lost", "a name, a number or code added"
NEGATED = "negations differ"
ASKED = "a question for a statement, or the reverse"
ABOUT_TASK = "speaks of the rewording"
ONLY_A_PART = "a part of the original"
TOO_DIFFERENT, TOO_ALIKE = "too little like the original", "too much like the original"


def why_unfaithful(message: str, copy: str, least: float, most: float) -> str | None:
    """Why a copy does not say what `message` says, in one of a few words; None: it may stand.

    `least` and `most`: bounds of chrF, 0 to 1.
    """
    if not copy.strip():
        return EMPTY
    if breaks_grammar(copy):
        return GRAMMAR
    words, others = len(message.split()), len(copy.split())
    if others > 2 * words:
        return TOO_LONG
    if 2 * others < words:
        return TOO_SHORT
    ours, theirs = exact_parts(message), exact_parts(copy)
    if ours - theirs:
        return LOST
    if theirs - ours:
        return ADDED
    if count_negations(message) != count_negations(copy):
        return NEGATED
    if ("?" in message) != ("?" in copy):
        return ASKED
    if TASK.search(copy) and not TASK.search(message):
        return ABOUT_TASK
    if others < PART * words and set(_words(copy)) <= set(_words(message)):
        return ONLY_A_PART
    likeness = chrf(copy, message) / 100
    if likeness < least:
        return TOO_DIFFERENT
    if likeness > most or _words(copy) == _words(message):
        return TOO_ALIKE
    return None


def breaks_grammar(text: str) -> bool:
    """Whether some line could be read as an anchor, silence or a suggestion."""
    lines = text.split("\n")
    return (
        text != clean_message(text)
        or NO_COMMENT in text
        or any(ANCHOR.match(line.strip()) for line in lines)
        or "```" in text
    )


def exact_parts(text: str) -> set[str]:
    """Code spans, quotations, names, paths, options and numbers of a message."""
    spans = {match.group() for match in CODE_SPAN.finditer(text)}
    prose = CODE_SPAN.sub(" ", text)
    words = (match.group().strip(BRACKETS) for match in TOKEN.finditer(prose))
    names = {word for word in words if EXACT.search(word) and word.lower() not in LATIN}
    quoted = {match.group(2) for match in QUOTED.finditer(prose)}
    return spans | quoted | names | set(NUMBER.findall(prose))


def count_negations(text: str) -> int:
    """How often a message says no, outside its code."""
    return Counter(NEGATION.findall(CODE_SPAN.sub(" ", text).replace("’", "'"))).total()


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
