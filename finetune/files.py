"""Files that are whole or absent: hashed, written aside, flushed to the disk, renamed, read."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TypeVar

import msgspec

from postil.errors import AdapterError

T = TypeVar("T")


def digest_file(path: Path) -> str:
    """sha256 of a file in hex."""
    return digest_files(path)


def digest_files(*paths: Path) -> str:
    """sha256 in hex of files, one behind the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def read_part(path: Path, kind: type[T], what: str) -> T:
    """A JSON file of an adapter; AdapterError where it cannot be read or is not `what` it should
    be."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise AdapterError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AdapterError(f"{path}: not {what}: {error}") from error


def write_whole(path: Path, content: bytes) -> None:
    """Write aside, flush to disk, rename."""
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(path)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file or a folder's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
