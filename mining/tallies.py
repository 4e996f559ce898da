"""What a dataset was made of, as a file beside its pairs that programs can read."""

from collections import Counter
from pathlib import Path

import msgspec

from mining.built import Built
from postil.errors import ConfigError
from postil.records import ExampleKind, Record, Split

TALLIES = "tallies.json"


class Tallies(Record, frozen=True, kw_only=True):
    """Counts by reason; `sha256` tells which pairs they belong to."""

    sha256: str
    remarks: dict[str, int]
    teachers: dict[str, int]
    windows: dict[str, int]
    dropped: dict[str, int]
    """When the parts were made."""
    parts: dict[Split, dict[ExampleKind, int]]


def tallies_of(built: Built) -> Tallies:
    """The counts of a dataset that was just built."""
    kinds: dict[Split, Counter[ExampleKind]] = {}
    for pair in built.pairs:
        kinds.setdefault(pair.split, Counter())[pair.kind] += 1
    return Tallies(
        sha256=built.sha256,
        remarks=dict(built.funnel.remarks),
        teachers=dict(built.funnel.teachers),
        windows=dict(built.funnel.windows),
        dropped=dict(built.dropped),
        parts={part: dict(counts) for part, counts in kinds.items()},
    )


def write_tallies(path: Path, tallies: Tallies) -> None:
    """Write `tallies.json`."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(tallies)) + b"\n")


def read_tallies(path: Path, sha256: str) -> Tallies | None:
    """The counts of those very pairs; None where the file is not there or tells of others."""
    if not path.exists():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Tallies)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no tallies: build the dataset anew: {error}") from error
    return found if found.sha256 == sha256 else None
