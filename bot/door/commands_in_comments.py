"""A comment's text -> the command in it. Pure.

A command is the whole first line of a comment. It is one of a list and takes no arguments, so
that nobody can hand us a setting, an address or a name in a comment.
"""

from typing import Literal, cast, get_args

Command = Literal["review", "pause", "resume", "explain", "help"]
PREFIX = "/postil"


def read_command(body: str) -> Command | None:
    """The command of a comment; `help` for one that there is not; None where none was meant."""
    first = body.lstrip("\ufeff\r\n").split("\n", 1)[0]
    prefix, *words = first.split()[:3] or [""]
    if first[:1].isspace() or prefix.lower() != PREFIX:
        return None
    word = words[0].lower() if len(words) == 1 else ""
    return cast(Command, word) if word in get_args(Command) else "help"
