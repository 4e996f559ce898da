"""A base model in memory: in 16 or 32 bits or NF4, frozen, with its tokenizer.

Enters: what `finetune.base_model` found on disk. Nothing is fetched here.
"""

from typing import Any, Literal

import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from finetune import kept_nf4
from finetune.base_model import BaseModel
from finetune.embedded_base import FOLDER
from finetune.quiet import quiet
from postil.errors import ModelError

UNPACK_BELOW = 1_000_000_000
"""Parameters. On a CPU a smaller base is quantised to NF4 and its values then kept in bf16: the
same weights to the last bit, without unpacking them at every step; it costs memory instead."""

Precision = Literal["bf16", "fp32", "nf4", "nf4-fp32"]
"""What weights are held in; after a dash what NF4 computes in, if not bf16."""


def load_tokenizer(base: BaseModel) -> PreTrainedTokenizerBase:
    """The base's own tokenizer, from disk only."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        base.folder, local_files_only=True
    )
    return tokenizer


def load_base(
    base: BaseModel,
    precision: Precision,
    device: str = "cpu",
    *,
    unpacked: bool = True,
    sharded: bool = False,
) -> PreTrainedModel:
    """Load in 16 or 32 bits, or in NF4 with double quantisation (QLoRA), frozen.

    `unpacked`: on a CPU, keep the values of a small NF4 base in the type it computes in.
    `sharded`: store NF4 as bf16 numbers, which FSDP can cut into pieces, on `device` in any case.
    """
    dtype = torch.float32 if precision.endswith("fp32") else torch.bfloat16
    quantised = precision.startswith("nf4")
    try:
        with quiet():
            if quantised and device == "cpu" and unpacked and not sharded:
                model: Any = _unpacked(base, dtype)
            elif quantised:
                where: dict[str, Any] = {"device_map": {"": device}} if sharded else {}
                model = _pretrained(base, dtype, quantization_config=_nf4(dtype, sharded), **where)
            else:
                model = _pretrained(base, dtype).to(torch.device(device))
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).split("\n", 1)[0]
        raise ModelError(f"base model {base.name}: cannot be loaded: {reason}") from error
    for part in model.modules():
        if hasattr(part, "support_avx512bf16_for_cpu"):
            # bitsandbytes 0.50 repacks weights when it evaluates; training cannot read them then
            part.support_avx512bf16_for_cpu = False
    model.requires_grad_(False)
    loaded: PreTrainedModel = model
    return loaded


def _pretrained(base: BaseModel, dtype: torch.dtype, **options: Any) -> Any:
    return AutoModelForCausalLM.from_pretrained(
        base.folder, dtype=dtype, local_files_only=True, **options
    )


def _unpacked(base: BaseModel, dtype: torch.dtype) -> Any:
    """The values of a small base in NF4; of the embedded one they are kept for the next start.

    A large base stays packed.
    """
    kept = base.folder.with_name(f"{base.folder.name}.nf4-{str(dtype)[6:]}.safetensors")
    ours = base.folder.name == FOLDER  # beside it nothing is in anyone's way
    if ours and kept.exists():
        model = _pretrained(base, dtype)
        if kept_nf4.fill(model, kept, base.sha256):
            return model
    model = _pretrained(base, dtype, quantization_config=_nf4(dtype, sharded=False))
    if model.num_parameters() >= UNPACK_BELOW:
        return model
    packed = kept_nf4.packed_weights(model) if ours else {}
    model = model.dequantize(dtype)
    if packed:
        kept_nf4.keep(packed, model, kept, base.sha256)
    return model


def _nf4(dtype: torch.dtype, sharded: bool) -> Any:
    config: Any = transformers.BitsAndBytesConfig
    return config(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_quant_storage=torch.bfloat16 if sharded else torch.uint8,
    )


def pick_dtype(wanted: str, device: str) -> str:
    """`auto` as float32 where the hardware has no fast bfloat16 products, else as bfloat16."""
    if wanted != "auto":
        return wanted
    if torch.device(device).type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(False) else "float32"
    tell: Any = getattr(torch.cpu, "get_capabilities", dict)  # torch 2.10
    known = tell()
    fast = any(value for name, value in known.items() if "bf16" in name)
    return "bfloat16" if fast or not known else "float32"


def computed_in(precision: Precision, device: str) -> Precision:
    """What numbers of a precision are multiplied in on a device: the same numbers, in float32
    where it has no fast bfloat16 products (many times faster there; scores differ by rounding)."""
    if precision.endswith("fp32") or pick_dtype("auto", device) == "bfloat16":
        return precision
    return "nf4-fp32" if precision == "nf4" else "fp32"


def pick_device() -> str:
    """`cuda` where there is a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"
