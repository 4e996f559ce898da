"""Instruction/response pairs from anywhere: our own files, or other people's data.

Pairs of other domains carry no time. Where their source names a held-out part it is kept;
otherwise a tenth of them, by their hash, is held out.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from finetune.foreign.hub import HubDataset, hub_rows
from finetune.foreign.readers import Row, part_named, read_rows
from finetune.foreign.shapes import Exchange, read_row
from finetune.training.samples import ForeignPair
from postil.errors import ConfigError, PayloadError
from postil.records import Pair, Split

HELD_OUT = 10
"""One in so many."""

Say = Callable[[str], None]


class Tally(msgspec.Struct, kw_only=True):
    """What became of the rows of one file."""

    rows: int = 0
    pairs: int = 0
    dropped: Counter[str]

    def text(self) -> str:
        """In one line."""
        lost = ", ".join(f"{count} {reason}" for reason, count in sorted(self.dropped.items()))
        return f"{self.rows} rows became {self.pairs} pairs" + (
            f"; dropped: {lost}" if lost else ""
        )


def read_any_pairs(path: Path, say: Say | None = None, hub: HubDataset = hub_rows) -> list[Pair]:
    """All pairs, each once; ConfigError names the row and the fields that are missing.

    `say` hears what became of every file's rows, and what is held out.
    """
    tallies: dict[str, Tally] = {}
    kept: dict[object, tuple[Pair, str]] = {}
    for row in read_rows(path, hub):
        tally = tallies.setdefault(row.file, Tally(dropped=Counter()))
        tally.rows += 1
        for key, pair in _pairs(row, tally.dropped):
            if key not in kept:
                kept[key] = (pair, row.file)
                continue
            tally.dropped["duplicates"] += 1
            before, file = kept[key]
            if _part(before) == "train" and _part(pair) != "train":
                kept[key] = (pair, file)  # what is measured is not learned
    if not kept:
        raise ConfigError(f"{path}: no pairs in it")
    for _, file in kept.values():
        tallies[file].pairs += 1
    pairs = list(_parted([pair for pair, _ in kept.values()]))
    if len(pairs) == 1 and isinstance(pairs[0], ForeignPair):
        raise ConfigError(f"{path}: one pair in it; at least 2 are needed")
    if say:
        _tell(say, path, tallies, pairs)
    return pairs


class _Unparted(ForeignPair, frozen=True, kw_only=True):
    """A foreign pair before all are seen; `part` is what its source names."""

    part: Split | None = None
    tenth: bool
    """Whether it falls into the tenth that is held out if no source names a part."""


def _part(pair: Pair) -> Split:
    return (pair.part or "train") if isinstance(pair, _Unparted) else pair.split


def _pairs(row: Row, dropped: Counter[str]) -> Iterator[tuple[object, Pair]]:
    """Pairs of a row, each with what makes it the same as another."""
    values = row.values
    try:
        if "id" in values and "template" in values:
            own = msgspec.convert(values, Pair)
            if not own.instruction.strip() or not own.response.strip():
                raise PayloadError("its instruction or response is empty")
            yield own.id, own
            return
        found, lost = read_row(values)
    except (msgspec.MsgspecError, PayloadError) as error:
        raise ConfigError(f"{row.where}: not a pair: {error}") from error
    dropped.update(lost)
    told = _told(values)
    part = told.pop("split", None) or row.part
    for exchange in found:
        yield (
            (exchange.before, exchange.instruction, exchange.response),
            _unparted(exchange, part, told),
        )


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """What `postil dataset export` writes beside the texts, where it is there."""
    split, kind = values.get("split"), values.get("kind")
    told: dict[str, Any] = {
        name: values[name] for name in ("url", "licence") if isinstance(values.get(name), str)
    }
    if isinstance(split, str):
        told["split"] = part_named(split)
    if kind in ("remark", "silence", "ambiguous"):
        told["kind"] = kind
    return told


def _unparted(exchange: Exchange, part: Split | None, told: dict[str, Any]) -> _Unparted:
    turns = (*(said for turn in exchange.before for said in turn), exchange.instruction)
    digest = hashlib.sha256("\0".join((*turns, exchange.response)).encode()).digest()
    opening = hashlib.sha256("\0".join(exchange.opening).encode()).digest()
    return _Unparted(
        id=digest.hex()[:20],
        instruction=exchange.instruction,
        response=exchange.response,
        before=exchange.before,
        part=part,
        tenth=opening[0] % HELD_OUT == 0,
        **told,
    )


def _parted(pairs: list[Pair]) -> Iterator[Pair]:
    """With their parts: the named ones, a test part held out where no validation part is."""
    named = {pair.part for pair in pairs if isinstance(pair, _Unparted)}
    learns = bool(named & {None, "train"})
    for pair in pairs:
        if not isinstance(pair, _Unparted):
            yield pair
            continue
        split: Split
        if "validation" in named or not learns:
            split = pair.part or "train"
        elif "test" in named:
            split = "validation" if pair.part == "test" else pair.part or "train"
        elif pair.part == "calibration":
            split = pair.part
        else:
            split = "validation" if pair.tenth else "train"
        values = msgspec.structs.asdict(pair)
        del values["part"], values["tenth"]
        yield ForeignPair(**values | {"split": split})


def _tell(say: Say, path: Path, tallies: Mapping[str, Tally], pairs: Iterable[Pair]) -> None:
    if len(tallies) > 1:
        for file, tally in tallies.items():
            say(f"{file}: {tally.text()}")
    total = Tally(
        rows=sum(tally.rows for tally in tallies.values()),
        pairs=sum(tally.pairs for tally in tallies.values()),
        dropped=sum((tally.dropped for tally in tallies.values()), Counter()),
    )
    parts = Counter(pair.split for pair in pairs)
    shares = ", ".join(f"{count} {part}" for part, count in parts.items())
    say(f"{path}: {total.text()} ({shares})")
