"""Find, verify and load the base model: embedded, a local folder, or a pinned hub revision."""

from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from finetune import kept_nf4
from finetune.embedded_base import EMBEDDED, GGUF_SHA256, embedded_folder
from finetune.files import digest_files
from finetune.quiet import quiet
from postil.errors import ModelError

WEIGHTS = "*.safetensors"
UNPACK_BELOW = 1_000_000_000
"""Parameters. On a CPU a smaller base is quantised to NF4 and its values then kept in bf16: the
same weights to the last bit, without unpacking them at every step; it costs memory instead."""

Precision = Literal["bf16", "fp32", "nf4", "nf4-fp32"]
"""What weights are held in; after a dash what NF4 computes in, if not bf16."""


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
    ours = base.name == EMBEDDED  # beside it nothing is in anyone's way
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
