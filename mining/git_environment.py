"""The environments git runs in: cut off from the machine, or online but without hooks."""

import os
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlsplit

FIXED_CONFIG = {
    "core.attributesFile": os.devnull,
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.quotePath": "true",
    "diff.renameLimit": "1000",
    "log.mailmap": "false",
    "log.showSignature": "false",
    "diff.suppressBlankEmpty": "false",
}
KEPT_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(512 << 20),
    "MALLOC_TOP_PAD_": str(16 << 20),
}
"""glibc's memory handed back less eagerly, in bytes (mallopt(3)): git frees every file it has
compared, and fetching the same pages anew costs a tenth to a fifth of a diff. Elsewhere unread.
"""
WHOLE_PIECES = {"GIT_FLUSH": "0"}
"""Output is sent when a buffer is full, not after every commit: a fifth of the time of a log.
`diff-tree --stdin` empties it at a line that names no object, whatever this says.
"""
DIFF_OPTIONS = (
    "--stdin",
    "--always",
    "--format=%H %P",
    "-r",
    "-p",
    "-M",
    "-U3",
    "--inter-hunk-context=0",
    "--diff-algorithm=myers",
    "--no-indent-heuristic",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "--ignore-submodules=none",
    "--submodule=short",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
ONLINE_CONFIG = {
    "core.hooksPath": os.devnull,
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.version": "2",  # the first that hands out whatever is asked for by its id
}


def isolated(git_dir: Path) -> dict[str, str]:
    """An environment in which git reads this repository and nothing of the machine.

    The work tree is the git folder and the index a file that is not there: so no .gitattributes of
    a checkout decides how an old commit is diffed.
    """
    return {
        "GIT_DIR": str(git_dir),
        "GIT_WORK_TREE": str(git_dir),
        "GIT_INDEX_FILE": str(git_dir / "postil-no-index"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_DIFF_OPTS": "",
        **KEPT_MEMORY,
        **WHOLE_PIECES,
        **_config_environment(FIXED_CONFIG),
    }


def online_environment(url: str = "", token: str = "") -> dict[str, str]:
    """An environment for the network: the user's credentials and proxies count, hooks do not.

    A token goes in a header, to the host of `url` and to no other, and is on no command line.
    """
    config = dict(ONLINE_CONFIG)
    if token:
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"
        secret = b64encode(f"x-access-token:{token}".encode()).decode()
        config[f"http.{host}.extraHeader"] = f"Authorization: Basic {secret}"
    return {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_TEMPLATE_DIR": os.devnull,
        **_config_environment(config),
    }


def _config_environment(config: dict[str, str]) -> dict[str, str]:
    """Settings as git reads them from the environment; replaces any that were handed down."""
    named = {"GIT_CONFIG_COUNT": str(len(config)), "GIT_CONFIG_PARAMETERS": ""}
    for index, (key, value) in enumerate(config.items()):
        named |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
    return named
