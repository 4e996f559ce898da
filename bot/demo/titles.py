"""What the sample team calls its pull requests and branches. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.demo.pieces import Piece
from bot.demo.talk import Person


def title_pull(pieces: Sequence[Piece]) -> str:
    """A title that tells what is added."""
    first, *others = (_spell_out(piece.subject) for piece in pieces)
    if not others:
        return f"Add {first}"
    if len(others) <= 2:
        return f"Add {first} and {others[0]}"
    return f"{first.capitalize()}, {others[0]} and {others[1]}"


def name_branch(author: Person, pieces: Sequence[Piece]) -> str:
    """The branch somebody would type."""
    first_name = author.name.split()[0].lower()
    return f"{first_name}/{_spell_out(pieces[0].subject).replace(' ', '-')}"


def _spell_out(name: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1 \2", name.strip("_")).replace("_", " ").lower()
