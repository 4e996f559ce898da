"""A home with a tiny real adapter, made once, and the `postil` command run in it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
POSTIL = Path(sys.executable).parent / "postil"
GOLDEN = Path(__file__).parent / "golden"
REPO = "team/shop"


@dataclass(frozen=True)
class TinyHome:
    """Folders of the home, the base model, and two adapters; the quoting one is promoted."""

    home: Path
    base: Path
    quoting: Path
    writing: Path

    def run(
        self, *arguments: str, cwd: Path, more: Mapping[str, str] | None = None, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run the installed command in a folder, with this home."""
        environment = {"POSTIL_HOME": str(self.home), **(more or {})}
        return run_postil(*arguments, cwd=cwd, more=environment, text=text)


def run_postil(
    *arguments: str, cwd: Path, more: Mapping[str, str] | None = None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a folder, with little in its environment."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "POSTIL_HOME": str(cwd / "postil-home"),
        "PYTHONSAFEPATH": "1",
        **(more or {}),
    }
    return subprocess.run(
        [str(POSTIL), *arguments],
        cwd=cwd,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        timeout=300,
    )


def make_home(folder: Path) -> TinyHome:
    """Make it in a process of its own, so that torch stays out of the tests'."""
    home, base = folder / "home", folder / "base"
    writing, quoting = (_make(home, base, way) for way in ("write", "recall"))
    return TinyHome(home=home, base=base, quoting=quoting, writing=writing)


def make_memory_home(folder: Path) -> TinyHome:
    """One that only remembers: no weights, no base, and no torch in the processes that use it."""
    from tests.bot.memory_adapter import publish_memory

    home = folder / "home"
    published = publish_memory(home)
    return TinyHome(home=home, base=folder / "none", quoting=published, writing=published)


def _make(home: Path, base: Path, way: str) -> Path:
    command = [sys.executable, "-m", "tests.bot.tiny_adapter", str(home), str(base), way]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())
