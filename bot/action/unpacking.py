"""An archive from outside -> a flat folder of a few plain files.

Links, devices, absolute names, names that climb and anything deeper than one folder are refused,
as is more than the limits allow; sizes are counted while unpacking, not believed.
"""

import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from postil.errors import PayloadError

MOST_FILES = 64
PIECE = 1 << 16


def unpack(archive: Path, folder: Path, most_bytes: int) -> None:
    """Unpack a .zip or .tar(.gz, .xz, …) into an empty folder; PayloadError where it is unfit."""
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, folder, most_bytes)
        else:
            _unpack_tar(archive, folder, most_bytes)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise PayloadError(f"{archive.name}: not an archive: {error}") from error


def _unpack_zip(archive: Path, folder: Path, most_bytes: int) -> None:
    with zipfile.ZipFile(archive) as packed:
        taken = _Taken(folder, most_bytes)
        for info in packed.infolist():
            if info.is_dir():
                continue
            mode = info.external_attr >> 16
            if info.flag_bits & 1 or (mode and (mode & 0o170000) not in (0, 0o100000)):
                raise PayloadError(f"{archive.name}: {info.filename[:80]!r}: not a plain file")
            with packed.open(info) as source:
                taken.write(info.filename, source)


def _unpack_tar(archive: Path, folder: Path, most_bytes: int) -> None:
    with tarfile.open(archive, mode="r:*") as packed:
        taken = _Taken(folder, most_bytes)
        for member in packed:
            if member.isdir():
                continue
            source = packed.extractfile(member) if member.isreg() else None
            if source is None:
                raise PayloadError(f"{archive.name}: {member.name[:80]!r}: not a plain file")
            taken.write(member.name, source)


class _Taken:
    """What was unpacked so far, and what room is left."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._room, self._most = folder, most_bytes, most_bytes
        self._names: set[str] = set()
        self._top: str | None = None

    def write(self, name: str, source: IO[bytes]) -> None:
        target = self._folder / self._flat(name)
        with target.open("wb") as file:
            while piece := source.read(PIECE):
                self._room -= len(piece)
                if self._room < 0:
                    raise PayloadError(f"the archive unpacks to more than {self._most:,} bytes")
                file.write(piece)

    def _flat(self, name: str) -> str:
        """The file's own name; all lie in the archive's root, or all in one folder of it."""
        parts = name.removeprefix("./").split("/")
        odd = any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts)
        top = parts[0] if len(parts) == 2 else ""
        if odd or len(parts) > 2 or (self._top is not None and self._top != top):
            raise PayloadError(f"the archive holds {name[:80]!r}: expected one folder of files")
        self._top = top
        if parts[-1] in self._names or len(self._names) == MOST_FILES:
            raise PayloadError("the archive holds too many files, or one twice")
        self._names.add(parts[-1])
        return parts[-1]
