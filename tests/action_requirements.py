"""Writes what the Action installs, by hash: `make action-requirements`.

uv resolves for every platform at once; pip, which installs, does not write hashes. torch is left
out, since every index has builds of its own, and with it what only its GPU builds need.
"""

import re
import subprocess
import sys

HEAD = """\
# What the Action installs, each file by its sha256; torch is apart, because every index has builds
# of its own. The versions are those of constraints.txt. Made by `make action-requirements`.
"""
BESIDE = "gguf\nsetuptools>=77\n"
"""To convert the embedded base, and to build Postil itself without a download."""
COMMAND = (
    "pip compile pyproject.toml - --universal --python-version 3.11 --constraint constraints.txt"
    " --no-annotate --no-header --quiet --no-emit-package torch"
)
GPU = re.compile(r"(?m)^(?:nvidia|cuda|triton)[a-z0-9-]*")


def compile_pins(*more: str) -> str:
    """What uv makes of pyproject.toml and constraints.txt."""
    command = [sys.executable, "-m", "uv", *COMMAND.split(), *more]
    done = subprocess.run(command, input=BESIDE, capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    gpu = [part for name in GPU.findall(compile_pins()) for part in ("--no-emit-package", name)]
    lines = compile_pins("--generate-hashes", *gpu).splitlines()
    print(HEAD + "\n".join(line for line in lines if line and not line.startswith("#")))


if __name__ == "__main__":
    main()
