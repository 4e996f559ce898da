"""The commits that people reviewed, brought into a clone by their ids.

A branch that is rebased or squashed leaves them behind: no ref names them any more, but hosts keep
them, and git's protocol 2 hands out any object by its id. Each gets a ref of its own in the clone,
so that no garbage collection takes it away there.

What is still to ask for stands in a file of the clone, written before the change that names it is
stored: a run that dies forgets none, and what the host refused is not asked for in every run.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mining.repository import ALL_PULLS, ID, Repository, open_repository
from mining.sources import Brought
from postil.errors import SourceError
from postil.records import Change

WANTED_FILE = "postil-wanted"
REFS = "refs/postil/"
TOGETHER = 100
"""Ids asked for at once; half as many after each refusal, as one that is gone stops the others."""
PATIENCE = 25
"""Refusals in a row after which the rest is given up: such a host keeps no commits, or a mirror was
never given them."""
REFUSED = re.compile(r"(?:not our ref|unadvertised object|Unable to find) ([0-9a-f]{40,64})")
"""What git says of an id it does not get: under protocol 2, those before, and from plain files."""


class WantedCommits:
    """Ids that are still to be asked for, kept in the folder of a clone."""

    def __init__(self, clone: Path) -> None:
        with open_repository(clone) as repository:
            self._path = repository.path / WANTED_FILE

    @property
    def begun(self) -> bool:
        """Whether commits were ever asked for by id here."""
        return self._path.exists()

    def add(self, ids: Iterable[str]) -> None:
        """Write them down."""
        with self._path.open("a", encoding="ascii") as file:
            file.writelines(f"{one}\n" for one in ids)

    def read(self) -> list[str]:
        """Each once; a line that a kill cut off is no id, and its change will be fetched again."""
        lines = self._path.read_text("ascii").split() if self.begun else []
        return [one for one in dict.fromkeys(lines) if ID.fullmatch(one)]

    def drop(self, asked: Sequence[str]) -> None:
        """These were asked for; what another run wrote down meanwhile stays."""
        rest = [one for one in self.read() if one not in set(asked)]
        self._path.write_text("".join(f"{one}\n" for one in rest), encoding="ascii")


def reviewed_commits(change: Change) -> list[str]:
    """The ids of the commits its remarks and reviews were made on; from a host, so unchecked."""
    threads = [one.revision for one in change.threads]
    found = dict.fromkeys([*threads, *(one.revision for one in change.reviews)])
    return [one for one in found if ID.fullmatch(one)]


def bring_pulls(clone: Path | None, url: str, token: str, ids: Sequence[str] = ()) -> Brought:
    """Fetch the heads of all pull requests at a URL into a clone, if there is one, then commits.

    Raises SourceError where the host cannot be asked; an id that it does not give is counted.
    """
    if clone is None:
        return Brought()
    with open_repository(clone) as repository:
        repository.fetch([ALL_PULLS], url, token)
        return _bring(repository, url, token, ids)


def _bring(repository: Repository, url: str, token: str, ids: Sequence[str]) -> Brought:
    left = [one for one in ids if not repository.has(one)]
    came, gone, size, patience = 0, 0, TOGETHER, PATIENCE
    while left and patience:
        portion = left[:size]
        refused = _refused(repository, url, token, portion)
        if refused is None:
            came, left = came + len(portion), left[size:]
            size, patience = min(2 * size, TOGETHER), PATIENCE
        else:
            left.remove(refused)
            gone, size, patience = gone + 1, max(size // 2, 1), patience - 1
    return Brought(came=came, gone=gone + len(left))


def _refused(repository: Repository, url: str, token: str, ids: Sequence[str]) -> str | None:
    """Fetch these; the one for which the host gives none of them, or None."""
    try:
        repository.fetch([f"{one}:{REFS}{one}" for one in ids], url, token)
    except SourceError as error:
        said = REFUSED.search(str(error))
        if said is None or said.group(1) not in ids:
            raise
        return said.group(1)
    return None
