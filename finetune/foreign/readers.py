"""A file, a folder of files, or a hub dataset -> rows with the place they stand at.

JSON lines (also gzipped), a JSON array, or Parquet. ConfigError names the file and the row.
"""

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from finetune.foreign.hub import HubDataset, hub_rows, is_hub_name
from postil.errors import ConfigError
from postil.records import Split

READ = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".parquet")
OWN = "pairs.jsonl"
"""In a folder of `postil dataset build`; the Parquet files beside it hold the same pairs."""

DESCRIBING = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")
"""What `datasets` writes beside its data."""

PARTS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "eval": "validation",
    "calibration": "calibration",
    "test": "test",
    "testing": "test",
}
"""Names that `datasets` and its users give to the parts."""

NAMED = re.compile(rf"({'|'.join(PARTS)})(?:[-_.\d].*)?|.*[-_.]({'|'.join(PARTS)})")
BOM = b"\xef\xbb\xbf"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in one place; `part` is None where nothing names one."""

    file: str
    where: str
    part: Split | None
    values: dict[str, Any]


def read_rows(path: Path, hub: HubDataset = hub_rows) -> Iterator[Row]:
    """All rows; a local path wins over a hub dataset of that name."""
    if path.is_dir():
        yield from _folder(path)
    elif path.exists():
        yield from _file(path, None)
    elif is_hub_name(path.as_posix()) and not path.name.endswith(READ):
        yield from _hub(path.as_posix(), hub)
    else:
        raise ConfigError(f"{path}: not there")


def part_named(name: str) -> Split | None:
    """The part that a file, folder or split is named after: `test-00000-of-1`, `first_train`."""
    found = NAMED.fullmatch(name.lower())
    return PARTS[found[1] or found[2]] if found else None


def _folder(folder: Path) -> Iterator[Row]:
    if (folder / OWN).is_file():
        yield from _file(folder / OWN, None)
        return
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if file.name.endswith(READ)
        and file.name not in DESCRIBING
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
    if not files:
        raise ConfigError(f"{folder}: no {', '.join(READ)} file in it")
    for file in files:
        inside = file.relative_to(folder).parts[:-1]
        names = (file.name.split(".")[0], *reversed(inside))
        yield from _file(file, next(filter(None, map(part_named, names)), None))


def _file(path: Path, part: Split | None) -> Iterator[Row]:
    read = _parquet if path.suffix == ".parquet" else _json
    for where, values in read(path):
        yield Row(file=str(path), where=where, part=part, values=values)


def _hub(name: str, hub: HubDataset) -> Iterator[Row]:
    for split, rows in hub(name):
        file = f"{name} {split}"
        for number, values in enumerate(rows, 1):
            where = f"{file}: row {number}"
            yield Row(file=file, where=where, part=part_named(split), values=values)


def _json(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of lines, or of one array, told by the first letter."""
    try:
        with _opened(path) as file:
            start = file.read(4096).removeprefix(BOM).lstrip()
            file.seek(0)
            if start.startswith(b"["):
                yield from _array(path, file.read())
            else:
                yield from _lines(path, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigError(f"{path}: damaged or cut short: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _opened(path: Path) -> gzip.GzipFile | BinaryIO:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _lines(path: Path, lines: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if text := line.removeprefix(BOM if number == 1 else b"").strip():
            where = f"{path}:{number}"
            yield where, _decoded(text, where, dict[str, Any])


def _array(path: Path, text: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    rows: list[Any] = _decoded(text.removeprefix(BOM), str(path), list[Any])
    for number, values in enumerate(rows, 1):
        where = f"{path}: row {number}"
        if not isinstance(values, dict):
            raise ConfigError(f"{where}: not a pair: no JSON object")
        yield where, values


def _decoded(text: bytes, where: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: not a pair: not UTF-8: {error}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{where}: not a pair: {error}") from error


def _parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        import pyarrow  # comes with `datasets`
        from pyarrow import parquet
    except ImportError as error:
        raise ConfigError(f"{path}: to read Parquet, pip install 'postil[train]'") from error
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                for values in batch.to_pylist():
                    number += 1
                    yield f"{path}: row {number}", values
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        behind = f" behind row {number}" if number else ""
        raise ConfigError(f"{path}: no whole Parquet file{behind}: {reason}") from error
