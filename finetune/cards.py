"""What is in an adapter's folder: its card, and the files that the card names.

A card is written last and holds the hashes of all other files, so a folder that is not what its
card says is refused before anything of it is loaded.
"""

import hashlib
from pathlib import Path

import msgspec

from finetune.files import digest_file, write_whole
from postil.errors import AdapterError
from postil.prompt import TEMPLATE
from postil.records import AdapterCard

CARD = "card.json"
WEIGHTS = "adapter_model.safetensors"
WHOLE = "model.safetensors"
"""The weights of a fully tuned model, which has no low-rank matrices."""
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")


def hash_files(folder: Path) -> dict[str, str]:
    """sha256 of every file but the card, by name."""
    files = (path for path in folder.iterdir() if path.is_file() and path.name != CARD)
    return {path.name: digest_file(path) for path in sorted(files)}


def write_card(folder: Path, card: AdapterCard) -> None:
    """Finish an adapter folder."""
    write_whole(folder / CARD, msgspec.json.format(msgspec.json.encode(card)))


def load_card(folder: Path) -> AdapterCard:
    """The card of an adapter whose files are what it says; AdapterError for anything else."""
    try:
        card = msgspec.json.decode((folder / CARD).read_bytes(), type=AdapterCard)
    except OSError as error:
        raise AdapterError(f"{folder}: no adapter: {CARD} cannot be read") from error
    except msgspec.MsgspecError as error:
        raise AdapterError(f"{folder}: damaged {CARD}: {error}") from error
    try:
        pickled = next((path for path in folder.iterdir() if path.suffix in PICKLES), None)
        found = hash_files(folder)
    except OSError as error:
        raise AdapterError(f"{folder}: cannot be read whole: {error.strerror}") from error
    if pickled:
        raise AdapterError(f"{pickled}: pickled weights are refused; only safetensors are loaded")
    for name, digest in card.files.items():
        if found.get(name) != digest:
            state = "damaged" if name in found else "missing"
            raise AdapterError(f"{folder / name}: {state}: it is not the file that the card names")
    for name in found.keys() - card.files.keys():
        raise AdapterError(f"{folder / name}: not named by the card; remove it")
    if card.template != TEMPLATE:
        raise AdapterError(
            f"{folder}: made for template {card.template}, this is {TEMPLATE}; train it anew"
        )
    return card


def digest_card(card: AdapterCard) -> str:
    """Sixteen hex digits over the hashes of an adapter's files: its name in the registry."""
    return hashlib.sha256(msgspec.json.encode(card.files)).hexdigest()[:16]


def weights_file(folder: Path) -> Path:
    """Where an adapter's numbers are; of a fully tuned model, all of them."""
    return folder / (WEIGHTS if (folder / WEIGHTS).exists() else WHOLE)


def adapter_files(folder: Path) -> tuple[Path, ...]:
    """The files that decide what a model says with this adapter."""
    shape = folder / "adapter_config.json"
    return (weights_file(folder), shape) if shape.exists() else (weights_file(folder),)


def check_weights(folder: Path) -> None:
    """Refuse weights that are not finite; PEFT would load them silently."""
    import torch
    from safetensors import SafetensorError, safe_open

    path = weights_file(folder)
    try:
        with safe_open(path, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - no mapping
                if not bool(torch.isfinite(tensors.get_tensor(name)).all()):
                    raise AdapterError(f"{path}: {name} holds values that are not finite")
    except (SafetensorError, OSError) as error:
        raise AdapterError(f"{path}: not a safetensors file: {error}") from error
