"""Commits of a pull request taken from git, and the diff of one too large for a host to show.

Commits without their history are fetched into a folder that is thrown away: no checkout, no hook,
no filter, no submodule. The token goes to git by its environment, never on a command line.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import git

from mining.git_environment import online_environment
from mining.repository import Repository, open_repository, without_password
from postil.errors import HostingError, SourceError

log = logging.getLogger(__name__)

LIMIT_S = 300
GONE = ("not our ref", "unadvertised object", "couldn't find remote ref")
"""What git says of a commit that the host has not, or does not give, any more."""
FAULTS = (git.GitCommandError, git.UnsafeProtocolError)


def diff_from_git(url: str, token: str, base: str, head: str) -> str:
    """The diff between two commits of the repository at a URL; HostingError where git fails."""
    try:
        with _empty() as folder:
            _fetch(folder, url, token, base, head)
            with open_repository(folder) as repository:
                return repository.diff(base, head)
    except (*FAULTS, SourceError) as error:
        raise HostingError(
            f"{without_password(url)}: the diff is too large for the host to show, and git"
            f" cannot fetch it: {_said(error)}"
        ) from error


@contextmanager
def commits_from_git(url: str, token: str, shas: Sequence[str]) -> Iterator[Repository]:
    """A repository with these commits; one that the host does not give any more is left out.

    HostingError where it cannot be asked; a commit that was thrown away there is no fault.
    """
    with _empty() as folder:
        try:
            _fetch(folder, url, token, *shas)
        except FAULTS as error:
            log.info("fetching one by one url=%s reason=%s", without_password(url), _said(error))
            _fetch_some(folder, url, token, shas)
        with open_repository(folder) as repository:
            yield repository


def _fetch_some(folder: Path, url: str, token: str, shas: Sequence[str]) -> None:
    for sha in shas:
        try:
            _fetch(folder, url, token, sha)
        except FAULTS as error:
            said = _said(error)
            if not any(gone in said for gone in GONE):
                raise HostingError(f"{without_password(url)}: git cannot fetch: {said}") from error


@contextmanager
def _empty() -> Iterator[Path]:
    """A bare repository without commits."""
    with tempfile.TemporaryDirectory(prefix="postil-") as folder:
        git.Repo.init(folder, bare=True).close()
        yield Path(folder)


def _fetch(folder: Path, url: str, token: str, *shas: str) -> None:
    git.Git.check_unsafe_protocols(url)
    online = git.Git(folder)
    online.update_environment(**online_environment(url, token))
    command = ["git", "fetch", "--quiet", "--no-tags", "--depth=1", url, *shas]
    online.execute(command, kill_after_timeout=LIMIT_S)


def _said(error: Exception) -> str:
    """What git said, on one line and without a password."""
    said = without_password(str(getattr(error, "stderr", "") or error)).split()
    return " ".join(said)[:200]
