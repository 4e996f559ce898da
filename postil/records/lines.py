"""Records as JSON lines, written whole and read one at a time."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from postil.errors import ConfigError, PayloadError
from postil.records.base import Record

T = TypeVar("T", bound=Record)


def encode_line(record: Record) -> bytes:
    """One record as one JSON line, without the newline."""
    return msgspec.json.encode(record, order="deterministic")


def write_jsonl(path: Path, records: Iterable[Record]) -> int:
    """Write one record a line, aside first; return how many."""
    aside = path.with_name(path.name + ".part")
    count = 0
    with aside.open("wb") as file:
        for record in records:
            file.write(encode_line(record) + b"\n")
            count += 1
    aside.replace(path)
    return count


def read_jsonl(path: Path, kind: type[T]) -> Iterator[T]:
    """Read records one at a time; raise ConfigError naming the line that is not one."""
    decoder = msgspec.json.Decoder(kind)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _decode_line(decoder, line, f"{path}:{number}")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _decode_line(decoder: msgspec.json.Decoder[T], line: bytes, where: str) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, PayloadError) as error:
        raise ConfigError(f"{where}: not a {decoder.type.__name__}: {error}") from error
