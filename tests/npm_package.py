"""One file out of a pinned npm package, fetched once and checked against the registry's digest."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

CACHE = Path(__file__).parents[1] / "build"


class UnavailableError(Exception):
    """npm or its registry is not there."""


def file_of(package: str, sha512: str, member: str, cache: Path = CACHE) -> Path:
    """The file `member` of `package` (name@version); else UnavailableError."""
    kept = cache / f"{package.rpartition('/')[2].replace('@', '-')}-{Path(member).name}"
    if kept.exists():
        return kept
    if shutil.which("npm") is None:
        raise UnavailableError("npm is not installed")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        pack = ["npm", "pack", "--silent", package]
        done = subprocess.run(pack, cwd=folder, check=False, capture_output=True, timeout=300)
        if done.returncode:
            raise UnavailableError(f"npm cannot fetch {package}: {done.stderr.decode()[-200:]}")
        (archive,) = Path(folder).glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        assert digest == sha512, f"{package} is not what was pinned"
        with tarfile.open(archive) as packed:
            content = packed.extractfile(member)
            assert content is not None
            aside = Path(folder) / "aside"
            aside.write_bytes(content.read())
        aside.replace(kept)
    return kept
