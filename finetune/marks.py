"""How changed rows are laid out -> marks beside their words: how many, indentation, length, signs.

Formatting draws remarks that no word tells of: the tokens of a row know neither its indentation
nor its quotes. Pure.
"""

from collections.abc import Iterator

from postil.records import Window

COUNTS = (1, 2, 4, 8, 16)
"""Rows of a kind told apart."""
DEEPEST = 20
"""Columns of indentation told apart."""
STEP, STEPS = 20, 6
"""Characters of a row told apart, and how many steps of them."""
SIGNS = ("#", "//", "/*", '"""', "'", '"')
"""What code tokens leave out: comments and quotes."""


def layout_marks(window: Window) -> set[str]:
    """Of all changed rows how many, of added ones how they look; each has a space, no token has."""
    found = set[str]()
    for kind in "+-":
        texts = [line.text for line in window.lines if line.kind == kind]
        found.update(f"{kind}rows {count}" for count in COUNTS if len(texts) >= count)
        if kind == "+":
            found.update(f"+{mark}" for text in texts for mark in _look(text.rstrip("\r")))
    return found


def _look(text: str) -> Iterator[str]:
    ends = text.rstrip()
    if text != ends:
        yield "row trailing"
    if not ends:
        yield "row blank"
        return
    lead = ends[: len(ends) - len(ends.lstrip())]
    yield "indent tab" if "\t" in lead else f"indent {min(len(lead), DEEPEST)}"
    yield f"length {STEP * min(len(ends) // STEP, STEPS)}"
    yield from (f"sign {sign}" for sign in SIGNS if sign in ends)
