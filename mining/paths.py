"""Which files are neither learned from nor reviewed: generated, vendored, locks, minified. Pure."""

import re
from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

LOCK_FILE = re.compile(
    r"(?:\.lock|\.lockb|-lock\.json|\.lockfile|-shrinkwrap\.json|\.lock\.json|^pnpm-lock\.yaml"
    r"|^go\.(?:work\.)?sum|\.resolved)$"
)
VENDORED = re.compile(
    r"(?:^|/)(?:_?vendor(?:ed)?|third[_-]?party|3rdparty|node_modules|bower_components"
    r"|site-packages|pods|carthage)/"
)
MINIFIED = re.compile(r"[.-]min\.(?:js|css|mjs|cjs|html)$")
GENERATED = re.compile(
    r"(?:^|/)(?:__generated__|generated|__snapshots__|dist|\.yarn)/|(?:^|/)zz_generated\."
    r"|\.pb\.(?:go|cc|h|c)$|_pb2(?:_grpc)?\.pyi?$|\.(?:g|freezed)\.dart$|\.designer\.(?:cs|vb)$"
    r"|[._]generated\.\w+$|\.gen\.\w+$|_gen\.go$|\.(?:map|snap|ipynb)$"
)
NOT_TEXT = re.compile(
    r"\.(?:png|jpe?g|gif|ico|svg|webp|bmp|pdf|docx?|xlsx?|pptx?|zip|gz|tgz|bz2|xz|7z|jar|war|class"
    r"|exe|dll|so|dylib|a|o|bin|wasm|woff2?|ttf|otf|eot|mp[34]|wav|mov|avi|webm|parquet|npy|npz|pkl"
    r"|pt|onnx|safetensors|gguf|sqlite3?|db)$"
)


def skipped_path(path: str, ignore: Collection[str]) -> str | None:
    """Why a file is left out; None: it is not.

    `ignore` are globs over the whole path, in which * also stands for slashes; one that ends with a
    slash is a folder.
    """
    if any(fits_glob(path, glob) for glob in ignore):
        return "ignored by settings"
    small = path.lower()
    name = PurePosixPath(small).name
    if LOCK_FILE.search(name):
        return "lock file"
    if VENDORED.search(small):
        return "vendored"
    if MINIFIED.search(name):
        return "minified"
    if GENERATED.search(small):
        return "generated"
    return "not text" if NOT_TEXT.search(name) else None


def fits_glob(path: str, glob: str) -> bool:
    """Whether a path fits one glob; see `skipped_path`."""
    return path.startswith(glob) if glob.endswith("/") else fnmatchcase(path, glob)
