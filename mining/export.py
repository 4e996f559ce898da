"""Pairs -> the shapes that other trainers read, one JSON object a line. Pure.

`chat`: messages as TRL, Axolotl and most APIs take them. `completion`: prompt and completion.
`tags`: one text with `<INSTRUCTION>` and `<RESPONSE>` around the two.
"""

from collections.abc import Callable, Mapping

import msgspec

from postil.records import Pair

INSTRUCTION, RESPONSE = "INSTRUCTION", "RESPONSE"


def as_chat(pair: Pair) -> dict[str, object]:
    """One turn of a user and one of the assistant."""
    asked = {"role": "user", "content": pair.instruction}
    return {"messages": [asked, {"role": "assistant", "content": pair.response}]}


def as_completion(pair: Pair) -> dict[str, object]:
    """A prompt and what completes it."""
    return {"prompt": pair.instruction, "completion": pair.response}


def as_tags(pair: Pair) -> dict[str, object]:
    """One text; a tag inside the code or the remark is broken up, so that none can be forged."""
    asked, answered = _unforged(pair.instruction), _unforged(pair.response)
    return {
        "text": f"<{INSTRUCTION}>{asked}</{INSTRUCTION}> <{RESPONSE}>{answered}</{RESPONSE}>",
    }


SHAPES: Mapping[str, Callable[[Pair], dict[str, object]]] = {
    "chat": as_chat,
    "completion": as_completion,
    "tags": as_tags,
}


def export_line(pair: Pair, shape: str) -> bytes:
    """A line in that shape, with what tells where the pair comes from and which part it is in."""
    origin = {"id": pair.id, "split": pair.split, "kind": pair.kind, "url": pair.url}
    return msgspec.json.encode({**SHAPES[shape](pair), **origin, "licence": pair.licence}) + b"\n"


def _unforged(text: str) -> str:
    """A zero-width space behind the bracket of what looks like one of our tags."""
    for name in (INSTRUCTION, RESPONSE):
        text = text.replace(f"<{name}>", f"<\u200b{name}>")
        text = text.replace(f"</{name}>", f"</\u200b{name}>")
    return text
