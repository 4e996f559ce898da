"""The diff of a change that is too large for a host to show, taken from git.

Two commits without their history are fetched into a folder that is thrown away: no checkout, no
hook, no filter, no submodule. The token goes to git by its environment, never on a command line.
"""

import tempfile
from base64 import b64encode
from pathlib import Path

import git

from mining.git_environment import online_environment
from mining.repository import open_repository, without_password
from postil.errors import HostingError, SourceError

LIMIT_S = 300


def diff_from_git(url: str, token: str, base: str, head: str) -> str:
    """The diff between two commits of the repository at a URL; HostingError where git fails."""
    with tempfile.TemporaryDirectory(prefix="postil-") as folder:
        try:
            git.Git.check_unsafe_protocols(url)
            git.Repo.init(folder, bare=True).close()
            online = git.Git(folder)
            online.update_environment(**_signed_in(token))
            command = ["git", "fetch", "--quiet", "--no-tags", "--depth=1", url, base, head]
            online.execute(command, kill_after_timeout=LIMIT_S)
            with open_repository(Path(folder)) as repository:
                return repository.diff(base, head)
        except (git.GitCommandError, git.UnsafeProtocolError, SourceError) as error:
            said = without_password(str(getattr(error, "stderr", "") or error)).split()
            raise HostingError(
                f"{without_password(url)}: the diff is too large for the host to show, and git"
                f" cannot fetch it: {' '.join(said)[:200]}"
            ) from error


def _signed_in(token: str) -> dict[str, str]:
    """The environment for the network, with the token in a header."""
    environment = online_environment()
    if token:
        number = int(environment["GIT_CONFIG_COUNT"])
        secret = b64encode(f"x-access-token:{token}".encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": str(number + 1),
            f"GIT_CONFIG_KEY_{number}": "http.extraHeader",
            f"GIT_CONFIG_VALUE_{number}": f"Authorization: Basic {secret}",
        }
    return environment
