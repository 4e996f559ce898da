"""A base in NF4, kept on disk in four bits, so that a start need not quantise it again.

Enters: a small base after bitsandbytes quantised it. Leaves: the values its packed weights stand
for, to the last bit; what is kept was compared with bitsandbytes' own when it was written.
The file holds, for each weight, codes (two a byte, the first in the high half) and a scale for
each block, and the sixteen levels: QLoRA's format (arXiv 2305.14314, section 3), scales unpacked.
"""

import logging
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from finetune.files import write_whole

CODES, SCALES, LEVELS = ".codes", ".scales", "levels"
log = logging.getLogger(__name__)


def packed_weights(model: Any) -> dict[str, Any]:
    """The weights that bitsandbytes packed, by name."""
    named = model.named_parameters()
    return {name: weight for name, weight in named if hasattr(weight, "quant_state")}


def keep(packed: Mapping[str, Any], unpacked: Any, path: Path, base_sha256: str) -> None:
    """Write `packed`, unless what would be read is not what the model `unpacked` has.

    A disk that is full or may not be written costs the next start its time, and nothing else.
    """
    tensors: dict[str, torch.Tensor] = {}
    for name, weight in packed.items():
        state = weight.quant_state
        codes, scales, levels = weight.data.flatten(), _scales(state), state.code.float()
        wanted = unpacked.get_parameter(name)
        if not torch.equal(_values(codes, scales, levels, wanted), wanted):
            log.warning("not kept nf4=%s: other values in %s", path.name, name)
            return
        tensors |= {name + CODES: codes, name + SCALES: scales, LEVELS: levels}
    try:
        write_whole(path, save(tensors, _origin(base_sha256)))
    except OSError as error:
        log.info("not kept nf4=%s: %s", path.name, error.strerror)


def fill(model: Any, path: Path, base_sha256: str) -> bool:
    """Give a model in 16 or 32 bits the values that were kept, in its own type.

    False, and the model is of no use, where nothing was kept of these weights by this version.
    """
    try:
        with safe_open(path, framework="pt") as file:
            if file.metadata() != _origin(base_sha256):
                return False
            levels = file.get_tensor(LEVELS)
            for key in file.keys():  # noqa: SIM118 - not a dictionary
                if key.endswith(CODES):
                    name = key.removesuffix(CODES)
                    weight = model.get_parameter(name)
                    codes, scales = file.get_tensor(key), file.get_tensor(name + SCALES)
                    weight.data = _values(codes, scales, levels, weight)
    except FileNotFoundError:
        return False
    except (OSError, SafetensorError, AttributeError, RuntimeError) as error:
        log.warning("cannot be read nf4=%s: %s", path.name, str(error).split("\n", 1)[0])
        return False
    return True


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


def _origin(base_sha256: str) -> dict[str, str]:
    return {"base": base_sha256, "bitsandbytes": version("bitsandbytes")}
