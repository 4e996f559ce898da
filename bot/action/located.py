"""Where an adapter is -> a content key, and a way to bring it here.

The key names the bytes (git's hash of a folder, the digest or number of a file), so that what was
brought once is never brought again, and nothing else can stand in its place.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bot.action.base_branch import NEED, BaseFile, list_base_folder
from bot.action.rest import RAW, Rest
from bot.action.sources import Source
from bot.action.unpacking import unpack
from finetune.cards import CARD
from postil.errors import AdapterError, ConfigError, HostingError, PayloadError

MOST_BYTES = 4 << 30
"""Of an adapter; one of a large base takes some hundred megabytes."""
MOST_BLOB = 100 << 20
"""GitHub's own limit for a file in a repository."""
OCTETS = "application/octet-stream"
ARCHIVES = (".tar.gz", ".tgz", ".tar", ".tar.xz", ".zip")
LFS = b"version https://git-lfs"


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """`bring` fills an empty folder with the adapter's files."""

    key: str
    bring: Callable[[Path], None]


def locate(rest: Rest, repo: str, base_sha: str, source: Source) -> Located:
    """Find what a source names; AdapterError or HostingError where it is not there."""
    if source.kind == "base":
        return _base_folder(rest, repo, base_sha, source)
    if source.kind == "release":
        return _release(rest, source)
    if source.kind == "artifact":
        return _artifact(rest, repo, source)
    if source.kind == "web":
        return _web(rest, source)
    if source.kind == "hub":
        return _hub(source)
    raise ConfigError(f"adapter: {source.kind} is nothing that is brought here")


def _base_folder(rest: Rest, repo: str, sha: str, source: Source) -> Located:
    try:
        entries = list_base_folder(rest, repo, sha, source.where)
    except HostingError as error:
        if ": 404 " not in str(error):
            raise
        raise AdapterError(
            f"adapter: there is no folder {source.where} on the base branch ({sha[:12]})"
        ) from error
    files = [entry for entry in entries if entry.type == "file"]
    if CARD not in {entry.name for entry in files}:
        raise AdapterError(f"adapter: {source.where} on the base branch holds no {CARD}")
    listed = hashlib.sha256(msgspec.json.encode([(e.name, e.sha) for e in files])).hexdigest()

    def bring(folder: Path) -> None:
        for entry in files:
            _save_blob(rest, repo, entry, folder / entry.name)

    return Located(key=f"tree-{listed}", bring=bring)


def _save_blob(rest: Rest, repo: str, entry: BaseFile, target: Path) -> None:
    """One file of the base branch, checked by git's own hash."""
    if "/" in entry.name or entry.name in ("", ".", ".."):
        raise PayloadError(f"adapter: {entry.name[:80]!r} is no file name")
    rest.save(f"/repos/{repo}/git/blobs/{entry.sha}", NEED, RAW, MOST_BLOB, target)
    with target.open("rb") as file:
        digest = hashlib.sha1(b"blob %d\0" % target.stat().st_size, usedforsecurity=False)
        start = file.read(len(LFS))
        digest.update(start)
        while piece := file.read(1 << 20):
            digest.update(piece)
    if digest.hexdigest() != entry.sha:
        raise AdapterError(f"adapter: {entry.name}: what came is not what the base branch holds")
    if start == LFS:
        raise AdapterError(
            f"adapter: {entry.name} is a pointer of Git LFS: publish the adapter as a release asset"
        )


def _release(rest: Rest, source: Source) -> Located:
    where = f"{source.where}@{source.part}"
    try:
        release = rest.json(f"/repos/{source.where}/releases/tags/{source.part}", NEED)
    except HostingError as error:
        if ": 404 " not in str(error):
            raise
        raise AdapterError(f"adapter: there is no release {where} that the token sees") from error
    asset = _asset(release, source.file, where)
    digest = str(asset.get("digest") or "").removeprefix("sha256:")

    def bring(folder: Path) -> None:
        url = f"/repos/{source.where}/releases/assets/{asset['id']}"
        _unpack_from(rest, url, folder, digest, f"{where}: {asset['name']}")

    return Located(key=f"asset-{asset['id']}-{asset.get('updated_at', '')}", bring=bring)


def _asset(release: Any, name: str, where: str) -> dict[str, Any]:
    assets = [asset for asset in release.get("assets", []) if isinstance(asset, dict)]
    wanted = [a for a in assets if a["name"] == name or (not name and _is_archive(a["name"]))]
    if len(wanted) != 1:
        names = ", ".join(sorted(str(asset["name"]) for asset in assets)) or "none"
        raise AdapterError(f"adapter: {where}: no single asset to take (give #file); has: {names}")
    return wanted[0]


def _is_archive(name: str) -> bool:
    return name.endswith(ARCHIVES)


def _artifact(rest: Rest, repo: str, source: Source) -> Located:
    """The newest artifact that a successful run on this repository's default branch left.

    A run of a pull request is never taken: its files may be anybody's.
    """
    need = "actions: read"
    main = rest.json(f"/repos/{repo}", NEED)["default_branch"]
    listed = rest.json(
        f"/repos/{repo}/actions/artifacts", need, {"name": source.where, "per_page": "100"}
    )
    for artifact in sorted(listed.get("artifacts", []), key=lambda a: -a["id"]):
        of = artifact.get("workflow_run") or {}
        own = of.get("head_repository_id") == of.get("repository_id") is not None
        if artifact.get("expired") or not own or of.get("head_branch") != main:
            continue
        run = rest.json(f"/repos/{repo}/actions/runs/{of['id']}", need)
        named = not source.file or run.get("path", "").endswith(f"/{source.file}")
        safe = str(run.get("event")) in ("schedule", "workflow_dispatch", "push")
        if not (named and safe and run.get("conclusion") == "success"):
            continue
        return _of_artifact(rest, repo, int(artifact["id"]), source.where)
    raise AdapterError(
        f"adapter: no artifact {source.where} of a successful run on {main}"
        f"{' of ' + source.file if source.file else ''}"
    )


def _of_artifact(rest: Rest, repo: str, number: int, name: str) -> Located:
    def bring(folder: Path) -> None:
        _unpack_from(rest, f"/repos/{repo}/actions/artifacts/{number}/zip", folder, "", name)

    return Located(key=f"artifact-{number}", bring=bring)


def _web(rest: Rest, source: Source) -> Located:
    def bring(folder: Path) -> None:
        _unpack_from(rest, source.where, folder, source.part, source.where)

    return Located(key=f"sha256-{source.part}", bring=bring)


def _unpack_from(rest: Rest, url: str, folder: Path, sha256: str, where: str) -> None:
    archive = folder / ".archive"
    found = rest.save(url, NEED, OCTETS, MOST_BYTES, archive)
    if sha256 and found != sha256:
        raise AdapterError(f"adapter: {where}: sha256 is {found}, not {sha256}; nothing is used")
    try:
        unpack(archive, folder, MOST_BYTES)
    except PayloadError as error:
        raise AdapterError(f"adapter: {where}: {error}") from error
    finally:
        archive.unlink()


def _hub(source: Source) -> Located:
    def bring(folder: Path) -> None:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        unreachable: type[Exception] = HfHubHTTPError.__mro__[1]  # what its HTTP library raises
        try:
            snapshot_download(source.where, revision=source.part, local_dir=folder, token=False)
        except (HfHubHTTPError, HFValidationError, unreachable, OSError, ValueError) as error:
            reason = str(error).strip().split("\n", 1)[0][:200]
            where = f"hub:{source.where}@{source.part}"
            raise AdapterError(f"adapter: {where}: not to be had: {reason}") from error
        for path in sorted(folder.rglob("*"), reverse=True):  # what the hub keeps beside it
            if path.is_file() and (path.parent != folder or path.name in NOT_OURS):
                path.unlink()
            elif path.is_dir():
                path.rmdir()

    return Located(key=f"hub-{source.where}-{source.part}", bring=bring)


NOT_OURS = ("README.md", ".gitattributes")
"""Files that a hub puts beside an adapter, and that its card does not name."""
