"""The names of code that a remark speaks of, and those that stand in a window.

Names are the identifiers in back-ticks, and words that only code has (`snake_case`, `camelCase`,
`dotted.name`, `called()`).
"""

import re
from functools import lru_cache

from postil.records import Window

TICKED = re.compile(r"`+([^`]+)`+")
NAME = re.compile(r"[^\W\d]\w+")
CODE_WORD = re.compile(
    r"""(?<![\w./:-])(?:
        [^\W\d]\w*(?:\.[^\W\d]\w+)*(?=\(\))     # called()
      | \w*[^\W_]_\w+ | _\w+                    # snake_case, _own
      | [^\W\d_]*[a-z][A-Z]\w*                  # camelCase
      | [a-z]\w+(?:\.[a-z_]\w+)+(?![\w/])       # dotted.name
    )""",
    re.VERBOSE,
)


def code_names(message: str) -> list[str]:
    """The identifiers a remark names as code, each once, in order."""
    ticked = TICKED.findall(message)
    plain = [match.group() for match in CODE_WORD.finditer(TICKED.sub(" ", message))]
    return list(dict.fromkeys(name for part in (*ticked, *plain) for name in NAME.findall(part)))


def names_in(window: Window) -> set[str]:
    """Every identifier of the window's path and rows."""
    text = "\n".join((window.path, *(line.text for line in window.lines)))
    return set(NAME.findall(text))


@lru_cache(maxsize=1 << 14)
def borrowed_names(message: str, code: str) -> frozenset[str]:
    """Of the names in a remark those of the code it was made on: elsewhere nobody knows them."""
    return frozenset(code_names(message)) & frozenset(NAME.findall(code))
