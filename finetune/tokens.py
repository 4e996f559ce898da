"""A line of code -> the words and signs by which it is found again. Pure."""

import re
from functools import lru_cache

TOKEN = re.compile(
    r"""(?P<word>[^\W\d]\w*)(?P<after>[(:](?!=))?   # a name; a call `print(` or a block `except:`
      | \d+(?:\.\d+)?
      | [=!<>]=+ | [-=]> | :: | :=  | && | \|\| | \*\* | // | [-+*/%&|^]= | << | >> | \.\.\.
      | [-+*/%<>!?&|^~@=]""",
    re.VERBOSE,
)
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
"""Of an ASCII name; others stay whole."""


def code_tokens(text: str) -> list[str]:
    """Names split at humps and underscores, calls (`print(`), blocks (`except:`), operators."""
    found: list[str] = []
    for match in TOKEN.finditer(text):
        word = match["word"]
        if word is None:
            found.append(match.group())
            continue
        parts = [part.lower() for part in PART.findall(word)] if word.isascii() else []
        found += parts
        if len(parts) != 1:
            found.append(word.lower())
        if match["after"]:
            found.append(word.lower() + match["after"])
    return found


@lru_cache(maxsize=20_000)
def token_set(text: str) -> frozenset[str]:
    """The different tokens of a text."""
    return frozenset(code_tokens(text))
