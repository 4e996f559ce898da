"""How the tests look into the sample team's repository: with git itself."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

ENVIRONMENT = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def git(repository: Path, *arguments: str) -> str:
    """What git says."""
    return subprocess.run(
        ["git", "-C", str(repository), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    ).stdout


@cache
def file_lines(repository: Path, commit: str, path: str) -> tuple[str, ...]:
    """A file as it was at a commit."""
    return tuple(git(repository, "show", f"{commit}:{path}").split("\n"))


def source(lines: tuple[str, ...]) -> str:
    """Lines as a text that ends with a line break."""
    return "\n".join(lines) + "\n"
