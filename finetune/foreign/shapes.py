"""One row of foreign data -> the questions and answers in it. Pure.

A row is recognised by the fields it has; a field that is null is not there. PayloadError says in
one line what was found and what would do.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from finetune.training.samples import Turn
from postil.errors import PayloadError

TAGGED = re.compile(r"<INSTRUCTION>(.*?)</INSTRUCTION>\s*<RESPONSE>(.*?)</RESPONSE>", re.DOTALL)
FORGED = re.compile(r"<(/?)\u200b(INSTRUCTION|RESPONSE)>")
"""Our own tags inside a text, as `postil dataset export --format tags` breaks them up."""

SPEAKERS = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
}
SHOWN = 12
"""Fields named in a message."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A question, its answer, and the turns of the talk before them."""

    instruction: str
    response: str
    before: tuple[Turn, ...] = ()
    opening: tuple[str, str]
    """First question and answer of the talk: what shares it stays in one part."""


Found = tuple[list[Exchange], Counter[str]]
"""What a row holds, and how many of its turns were dropped, by reason."""


def read_row(row: Mapping[str, Any]) -> Found:
    """All that can be learned from a row; PayloadError where it has no shape we know."""
    there = {name: value for name, value in row.items() if value is not None}
    for fields, read in SHAPES.items():
        if all(field in there for field in fields):
            return read(there)
    names = [repr(name[:40]) for name in there]
    found = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    would_do = ", ".join("+".join(fields) for fields in SHAPES)
    raise PayloadError(f"its fields are {found or 'none'}; one of these is needed: {would_do}")


def _text(row: Mapping[str, Any], field: str) -> str:
    value = row[field]
    if not isinstance(value, str):
        raise PayloadError(f"the field {field!r} is no text")
    if not value.strip():
        raise PayloadError(f"the field {field!r} is empty")
    return value


def _flat(asked: str, answered: str, *beside: str) -> Callable[[Mapping[str, Any]], Found]:
    """Of two fields; `beside` may hold what the question is about, and may be empty."""

    def read(row: Mapping[str, Any]) -> Found:
        told = [row[field] for field in beside if row.get(field)]
        if not all(isinstance(text, str) for text in told):
            raise PayloadError(f"the field {' or '.join(map(repr, beside))} is no text")
        question = "\n\n".join([_text(row, asked), *told])
        return _single(question, _text(row, answered))

    return read


def _single(instruction: str, response: str) -> Found:
    opening = (instruction, response)
    return [Exchange(instruction=instruction, response=response, opening=opening)], Counter()


def _tagged(row: Mapping[str, Any]) -> Found:
    found = TAGGED.fullmatch(_text(row, "text").strip())
    if found is None:
        raise PayloadError("the field 'text' has no <INSTRUCTION>...</INSTRUCTION> <RESPONSE>...")
    asked, answered = (FORGED.sub(r"<\1\2>", text) for text in found.groups())
    if not asked.strip() or not answered.strip():
        raise PayloadError("the field 'text' has an empty instruction or response")
    return _single(asked, answered)


def _talk(field: str, speaker: str, said: str) -> Callable[[Mapping[str, Any]], Found]:
    """Of a list of turns; one exchange for each turn of the assistant."""

    def read(row: Mapping[str, Any]) -> Found:
        turns = row[field]
        if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
            raise PayloadError(f"the field {field!r} is no list of turns")
        return _exchanges([_turn(turn, field, speaker, said) for turn in turns])

    return read


def _turn(turn: Mapping[str, Any], field: str, speaker: str, said: str) -> Turn:
    role, text = turn.get(speaker), turn.get(said)
    if not isinstance(role, str) or role not in SPEAKERS:
        known = ", ".join(SPEAKERS)
        raise PayloadError(f"{field!r} has a turn of {str(role)[:40]!r}; known are {known}")
    if not isinstance(text, str):
        raise PayloadError(f"{field!r} has a turn of {role!r} whose {said!r} is no text")
    if not text.strip() and SPEAKERS[role] != "system":
        raise PayloadError(f"{field!r} has an empty turn of {role!r}")
    return SPEAKERS[role], text


def _exchanges(turns: Sequence[Turn]) -> Found:
    if not any(role == "assistant" for role, _ in turns):
        raise PayloadError("the chat has no turn of the assistant")
    system, talk, dropped = _alternating(turns)
    opening = (talk[0][1], talk[1][1]) if len(talk) > 1 else ("", "")
    found = [
        Exchange(
            instruction=talk[at - 1][1],
            response=talk[at][1],
            before=(*system, *talk[: at - 1]),
            opening=opening,
        )
        for at in range(1, len(talk), 2)
    ]
    if not found:
        raise PayloadError("the chat has no turn of the assistant that answers a user")
    return found, dropped


def _alternating(turns: Sequence[Turn]) -> tuple[list[Turn], list[Turn], Counter[str]]:
    """A leading system turn if any, then user and assistant in turn, as chat templates want it.

    Turns of one speaker in a row are one; a system text amid the talk is said by the user.
    """
    dropped: Counter[str] = Counter()
    merged: list[Turn] = []
    for at, (role, text) in enumerate(turns):
        who = "user" if role == "system" and at else role
        if merged and merged[-1][0] == who:
            merged[-1] = (who, f"{merged[-1][1]}\n\n{text}")
        elif text.strip():
            merged.append((who, text))
    system = [turn for turn in merged[:1] if turn[0] == "system"]
    talk = merged[len(system) :]
    if talk and talk[0][0] == "assistant":
        dropped["greetings before any question"] += 1
        talk = talk[1:]
    if talk and talk[-1][0] == "user":
        dropped["last turns without an answer"] += 1
        talk = talk[:-1]
    return system, talk, dropped


SHAPES: Mapping[tuple[str, ...], Callable[[Mapping[str, Any]], Found]] = {
    ("instruction", "response"): _flat("instruction", "response", "input", "context"),
    ("instruction", "output"): _flat("instruction", "output", "input"),
    ("messages",): _talk("messages", "role", "content"),
    ("conversations",): _talk("conversations", "from", "value"),
    ("prompt", "completion"): _flat("prompt", "completion"),
    ("question", "answer"): _flat("question", "answer"),
    ("text",): _tagged,
}
