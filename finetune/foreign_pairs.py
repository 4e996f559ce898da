"""Instruction/response pairs from anywhere: our own files, or JSONL that holds the two texts.

Pairs of other domains carry no time, so a tenth of them, by their hash, is held out.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from postil.errors import ConfigError, PayloadError
from postil.records import Pair, Split

NEEDED = ("instruction", "response")
HELD_OUT = 10
"""One in so many."""


def read_any_pairs(path: Path) -> list[Pair]:
    """All pairs of a JSONL file; ConfigError names the line and the field that is missing."""
    try:
        with path.open("rb") as file:
            pairs = list(_read(file, path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if not pairs:
        raise ConfigError(f"{path}: no pairs in it")
    return pairs


def _read(lines: Iterator[bytes] | Any, path: Path) -> Iterator[Pair]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=dict[str, Any])
            yield _pair(row)
        except (msgspec.MsgspecError, UnicodeDecodeError, PayloadError) as error:
            raise ConfigError(f"{path}:{number}: not a pair: {error}") from error


def _pair(row: dict[str, Any]) -> Pair:
    for field in NEEDED:
        if not isinstance(row.get(field), str):
            raise PayloadError(f"the field {field!r} is missing or no text")
    if "id" in row and "template" in row:
        return msgspec.convert(row, Pair)
    text = f"{row['instruction']}\0{row['response']}"
    digest = hashlib.sha256(text.encode()).digest()
    split: Split = "validation" if digest[0] % HELD_OUT == 0 else "train"
    return Pair(
        id=digest.hex()[:20],
        instruction=row["instruction"],
        response=row["response"],
        split=split,
    )
