"""A base in NF4, kept on disk in four bits, so that a start need not quantise it again.

Enters: a small base after bitsandbytes quantised it. Leaves: the values its packed weights stand
for, to the last bit; what is kept was compared with bitsandbytes' own when it was written.
The file holds, for each weight, codes (two a byte, the first in the high half) and a scale for
each block, and the sixteen levels: QLoRA's format (arXiv 2305.14314, section 3), scales unpacked.
"""

import hashlib
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from finetune.base_model import packed_by
from finetune.files import write_whole

CODES, SCALES, LEVELS = ".codes", ".scales", "levels"
FAULTS = (
    OSError,
    SafetensorError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
    MemoryError,
)
"""Of reading, of comparing and of a file with other contents: none of them may end a start."""
LEFT_OVER_S = 3600.0
"""After so long a half-written file is nobody's."""
log = logging.getLogger(__name__)


def packed_weights(model: Any) -> dict[str, Any]:
    """The weights that bitsandbytes packed on the CPU, by name."""
    named = model.named_parameters()
    packed = {name: weight for name, weight in named if hasattr(weight, "quant_state")}
    return packed if all(weight.device.type == "cpu" for weight in packed.values()) else {}


def keep(packed: Mapping[str, Any], unpacked: Any, path: Path, base_sha256: str) -> None:
    """Write `packed`, unless what would be read is not what the model `unpacked` has.

    Whatever goes wrong costs the next start its time, and nothing else.
    """
    if not os.access(path.parent, os.W_OK):
        return
    try:
        tensors: dict[str, torch.Tensor] = {}
        for name, weight in packed.items():
            state = weight.quant_state
            codes, scales, levels = weight.data.flatten(), _scales(state), state.code.float()
            wanted = unpacked.get_parameter(name)
            if not torch.equal(_values(codes, scales, levels, wanted), wanted):
                log.warning("not kept nf4=%s: other values in %s", path.name, name)
                return
            tensors |= {name + CODES: codes, name + SCALES: scales, LEVELS: levels}
        _sweep(path.parent)
        write_whole(path, save(tensors, _origin(base_sha256) | {"sha256": _digest(tensors)}))
        path.chmod(path.parent.stat().st_mode & 0o666)  # for whoever may read the base beside it
    except FAULTS as error:
        log.warning("not kept nf4=%s: %s", path.name, str(error).split("\n", 1)[0])


def fill(model: Any, path: Path, base_sha256: str) -> bool:
    """Give a model in 16 or 32 bits the values that were kept, in its own type.

    False, and the model is of no use, where what was kept is damaged, or of other weights or
    versions.
    """
    try:
        with safe_open(path, framework="pt") as file:
            told = dict(file.metadata() or {})
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        if told != _origin(base_sha256) | {"sha256": _digest(tensors)}:
            return False
        for key, codes in tensors.items():
            if key.endswith(CODES):
                name = key.removesuffix(CODES)
                weight = model.get_parameter(name)
                weight.data = _values(codes, tensors[name + SCALES], tensors[LEVELS], weight)
    except FileNotFoundError:
        return False
    except FAULTS as error:
        log.warning("cannot be read nf4=%s: %s", path.name, str(error).split("\n", 1)[0])
        return False
    return True


def _sweep(folder: Path) -> None:
    """Remove what a process that was killed while it wrote has left."""
    for part in folder.glob(".part-*"):
        if time.time() - part.stat().st_mtime > LEFT_OVER_S:
            part.unlink(missing_ok=True)


def _scales(state: Any) -> torch.Tensor:
    """float32, one a block; bitsandbytes packs them once more."""
    from bitsandbytes.functional import dequantize_blockwise

    if not state.nested:
        return state.absmax.float()  # type: ignore[no-any-return]
    scales: torch.Tensor = dequantize_blockwise(state.absmax, state.state2) + state.offset
    return scales.float()


def _values(
    codes: torch.Tensor, scales: torch.Tensor, levels: torch.Tensor, like: torch.Tensor
) -> torch.Tensor:
    """Levels by code, times the scale of their block, in the shape and type of `like`."""
    every = torch.arange(256)
    pairs = levels[torch.stack((every >> 4, every & 15), dim=1)]
    blocks = pairs.index_select(0, codes.int()).view(scales.numel(), -1)
    return (blocks * scales[:, None]).to(like.dtype).view(like.shape)


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """sha256 over all names and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name}\0{tuple(tensors[name].shape)}\0".encode())
        digest.update(tensors[name].contiguous().numpy().data)
    return digest.hexdigest()


def _origin(base_sha256: str) -> dict[str, str]:
    return {"base": base_sha256, **packed_by()}
