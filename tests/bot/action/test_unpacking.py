"""Archives from outside: flat, plain, within limits, or refused."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.action.unpacking import MOST_FILES, unpack
from postil.errors import PayloadError


def tar(folder: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """A tar of these members."""
    path = folder / "a.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for info, content in members:
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return path


def zipped(folder: Path, **files: bytes) -> Path:
    """A zip of these files."""
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


def plain(name: str) -> tarfile.TarInfo:
    return tarfile.TarInfo(name)


def special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo("card.json")
    info.type, info.linkname = kind, target
    return info


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("top", ["", "./", "adapter/", "./adapter/"])
def test_a_flat_folder_comes_out(tmp_path: Path, out: Path, top: str) -> None:
    unpack(tar(tmp_path, (plain(f"{top}card.json"), b"{}"), (plain(f"{top}b"), b"x")), out, 100)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        "card.json": b"{}",
        "b": b"x",
    }


def test_a_zip_as_well(tmp_path: Path, out: Path) -> None:
    unpack(zipped(tmp_path, **{"a/card.json": b"{}", "a/b": b"x"}), out, 100)
    assert sorted(path.name for path in out.iterdir()) == ["b", "card.json"]


@pytest.mark.parametrize(
    "name", ["/etc/x", "../x", "a/../x", "a/b/c", "a\\b", "..", "a/..", "a//b"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, out: Path, name: str) -> None:
    for archive in (tar(tmp_path, (plain(name), b"x")), zipped(tmp_path, **{name: b"x"})):
        with pytest.raises(PayloadError):
            unpack(archive, out, 100)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    "info",
    [
        special(tarfile.SYMTYPE, "/etc/passwd"),
        special(tarfile.LNKTYPE, "x"),
        special(tarfile.CHRTYPE),
        special(tarfile.FIFOTYPE),
    ],
    ids=["symlink", "hard link", "device", "pipe"],
)
def test_only_plain_files_come_out(tmp_path: Path, out: Path, info: tarfile.TarInfo) -> None:
    with pytest.raises(PayloadError, match="not a plain file"):
        unpack(tar(tmp_path, (info, b"")), out, 100)
    assert list(out.iterdir()) == []


def test_a_link_in_a_zip_is_refused(tmp_path: Path, out: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        info = zipfile.ZipInfo("card.json")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(info, "/etc/passwd")
    with pytest.raises(PayloadError, match="not a plain file"):
        unpack(path, out, 100)


def _bomb(folder: Path) -> Path:
    return zipped(folder, a=b"\0" * 1_000_000)


def _two(folder: Path) -> Path:
    return tar(folder, (plain("a"), b"1"), (plain("./a"), b"2"))


def _many(folder: Path) -> Path:
    return zipped(folder, **{f"f{n}": b"" for n in range(MOST_FILES + 1)})


def _two_folders(folder: Path) -> Path:
    return zipped(folder, **{"a/x": b"", "b/y": b""})


def _cut(folder: Path) -> Path:
    whole = zipped(folder, a=b"x" * 1000).read_bytes()
    (folder / "cut").write_bytes(whole[:60])
    return folder / "cut"


@pytest.mark.parametrize("make", [_bomb, _two, _many, _two_folders, _cut])
def test_what_is_too_much_or_broken_is_refused(
    tmp_path: Path, out: Path, make: Callable[[Path], Path]
) -> None:
    with pytest.raises(PayloadError):
        unpack(make(tmp_path), out, 100_000)
