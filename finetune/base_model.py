"""Find a base model on disk: embedded, a local folder, or a pinned hub revision.

No torch here: the process that only names a base to the model's own starts in a second.
"""

from importlib.metadata import version
from pathlib import Path

import msgspec

from finetune.embedded_base import EMBEDDED, GGUF_SHA256, embedded_folder
from finetune.files import digest_files
from postil.errors import ModelError

WEIGHTS = "*.safetensors"
KEPT_FORMAT = "1"
"""Of the files of `finetune.kept_nf4`."""


class BaseModel(msgspec.Struct, frozen=True, kw_only=True):
    """A base model on disk. `sha256` is over its weights, so equal shapes are told apart."""

    name: str
    folder: Path
    revision: str
    sha256: str


def find_base(name: str, home: Path) -> BaseModel:
    """The base model called `name`, fetched or converted if need be; ModelError if it cannot be."""
    if name == EMBEDDED:
        return _describe(name, embedded_folder(home), GGUF_SHA256)
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").exists():
            raise ModelError(f"{folder}: not a model folder: no config.json in it")
        return _describe(name, folder.resolve(), "local")
    hub_id, at, revision = name.partition("@")
    if "/" in hub_id and at and revision:
        return _describe(name, _from_hub(hub_id, revision), revision)
    raise ModelError(
        f"unknown base model {name!r}: expected {EMBEDDED}, a folder, or owner/name@revision"
    )


def _describe(name: str, folder: Path, revision: str) -> BaseModel:
    files = sorted(folder.glob(WEIGHTS))
    if not files:
        raise ModelError(f"{folder}: no safetensors weights; convert the model first")
    return BaseModel(name=name, folder=folder, revision=revision, sha256=digest_files(*files))


def _from_hub(hub_id: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, revision=revision))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).split("\n", 1)[0]
        raise ModelError(f"{hub_id}@{revision}: not to be had from the hub: {reason}") from error


def packed_by() -> dict[str, str]:
    """What a base's values in NF4 hang on beside its weights: how they are kept, and the libraries
    that quantise. Whatever keeps or caches such values is of no use under any other."""
    return {name: version(name) for name in ("bitsandbytes", "transformers")} | {
        "format": KEPT_FORMAT
    }
