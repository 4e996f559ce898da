"""A Chromium for the tests that look at pages: the machine's own, or one that is put there."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
LIMIT_S = 600


def chromium() -> str | None:
    """Its path; None for the one of Playwright's own, which is fetched where no package can be.

    Of tests that run side by side one installs it, and the others wait.
    """
    with (Path(tempfile.gettempdir()) / "postil-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _found_or_installed()


def _found_or_installed() -> str | None:
    found = _on_path()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
            command = ["apt-get", "--quiet", *words]
            subprocess.run(command, check=False, env=environment, timeout=LIMIT_S)
        found = _on_path()
    if found is None:
        fetch = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(fetch, check=True, timeout=LIMIT_S)
    return found


def _on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)
