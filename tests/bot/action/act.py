"""The shipped workflows, run by act on this machine against a fake GitHub.

Real: the workflow as it is to be copied, action.yml, its scripts, the installed command, the tiny
adapter. Ours: GitHub, and stand-ins for actions that act cannot fetch here (tests/act).
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bot.fake_pulls import REPO
from tests.github_fake import TOKEN
from tests.tiny_git import TinyGit

ROOT = Path(__file__).parents[3]
ACT = Path(sys.executable).parent / "act"
OURS = "postil/postil@0000000000000000000000000000000000000000"
STAND_INS = {
    "cache": "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae",
    "setup-python": "actions/setup-python@ece7cb06caefa5fff74198d8649806c4678c61a1",
    "upload-artifact": "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
}
SHIPPED = ("postil", "mining", "finetune", "bot")
FILES = ("action.yml", "action-requirements.txt", "constraints.txt", "pyproject.toml", "README.md")


class Act:
    """A team's clone with one of our workflows, and a machine that runs it."""

    def __init__(self, folder: Path, api_url: str, *, warm: bool) -> None:
        self.folder, self.api_url = folder, api_url
        self.artifacts = folder / "artifacts"
        self.environment = sys.prefix if warm else ""
        self._action = folder / "action"
        ignored = shutil.ignore_patterns("__pycache__")
        for name in SHIPPED:
            shutil.copytree(ROOT / name, self._action / name, ignore=ignored)
        for name in (*FILES, "LICENSE"):
            shutil.copy(ROOT / name, self._action / name)

    def clone(self, files: dict[str, str | bytes | None]) -> Path:
        """A repository with these files, whose origin is REPO on GitHub."""
        git = TinyGit(self.folder / "clone")
        git.commit(files)
        git.run("remote", "add", "origin", f"https://github.com/{REPO}")
        return git.folder

    def run(
        self, workflow: str, event_name: str, event: dict[str, Any], **files: str | bytes
    ) -> subprocess.CompletedProcess[str]:
        """Run a workflow of examples/workflows in a clone that holds `files` as well."""
        text = (ROOT / "examples/workflows" / workflow).read_text()
        shutil.rmtree(self.folder / "clone", ignore_errors=True)
        clone = self.clone({f".github/workflows/{workflow}": text, **files})
        (self.folder / "event.json").write_text(json.dumps(event))
        command = [str(ACT), event_name, "--eventpath", str(self.folder / "event.json")]
        command += ["--workflows", f".github/workflows/{workflow}", "--rm"]
        command += ["--platform", "ubuntu-latest=-self-hosted", "--secret", f"GITHUB_TOKEN={TOKEN}"]
        command += ["--local-repository", f"{OURS}={self._action}"]
        for name, used in STAND_INS.items():
            command += ["--local-repository", f"{used}={ROOT / 'tests/act' / name}"]
        given = {
            "GITHUB_API_URL": self.api_url,
            "ACT_ENVIRONMENT": self.environment,
            "ACT_ARTIFACTS": str(self.artifacts),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
        }
        for name, value in given.items():
            command += ["--env", f"{name}={value}"]
        home = self.folder / "act-home"
        home.mkdir(exist_ok=True)
        return subprocess.run(
            command,
            cwd=clone,
            env={**_machine(), "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )


def _machine() -> dict[str, str]:
    """What pip needs to know of this machine, and no more of it."""
    kept = ("PATH", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    given = {k: v for k, v in os.environ.items() if k in kept or k.startswith("PIP_")}
    return given | {"PATH": f"{sys.base_prefix}/bin:{given['PATH']}"}
