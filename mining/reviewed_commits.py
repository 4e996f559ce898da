"""The commits that people reviewed, brought into a clone by their ids.

A branch that is rebased or squashed leaves them behind: no ref names them any more, but hosts keep
them, and git's protocol 2 hands out any object by its id. Each gets a ref of its own in the clone,
so that no garbage collection takes it away there.
"""

import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from mining.repository import ALL_PULLS, ID, Repository, open_repository
from mining.sources import Brought
from postil.errors import SourceError
from postil.records import Change

log = logging.getLogger(__name__)

REFS = "refs/postil/"
TOGETHER = 100
"""Ids asked for at once; half as many after each failure, as one that is gone stops the others."""
PATIENCE = 25
"""Failures in a row after which the rest is left to the next run."""
GONE = re.compile(r"(?:not our ref|[Uu]nable to find|find remote ref) ([0-9a-f]{40,64})")
"""What git says of an id that a host does not have: of protocol 2, from plain files, and where the
repository has ids of another length."""
UNASKABLE = "unadvertised object"
"""What it says where a host gives nothing by id: of the older protocols."""


def reviewed_commits(change: Change) -> tuple[str, ...]:
    """The ids of the commits its remarks and reviews were made on; whatever is no id is dropped."""
    threads = [one.revision for one in change.threads]
    found = dict.fromkeys([*threads, *(one.revision for one in change.reviews)])
    return tuple(one for one in found if ID.fullmatch(one))


def bring_pulls(
    clone: Path | None,
    url: str,
    token: str,
    ids: Sequence[str] = (),
    gone: Callable[[str], None] = lambda _: None,
) -> Brought:
    """Fetch the heads of all pull requests at a URL into a clone, if there is one, then commits.

    `gone` is told at once of each that the host does not have. Raises SourceError where the host
    cannot be asked; what it gives to nobody, and why, is logged and left to the next run.
    """
    if clone is None:
        return Brought()
    with open_repository(clone) as repository:
        asking = _Asking(repository, url, token, gone)
        asking.heads()
        # In the order of hashes: those of an imported history stand together by age.
        return asking.commits(sorted(one for one in ids if not repository.has(one)))


class _Asking:
    """One clone that asks one host."""

    def __init__(
        self, repository: Repository, url: str, token: str, gone: Callable[[str], None]
    ) -> None:
        self._repository, self._url, self._token, self._gone = repository, url, token, gone

    def heads(self) -> None:
        self._repository.fetch([ALL_PULLS], self._url, self._token)

    def commits(self, left: list[str]) -> Brought:
        came, gone, failed, size, patience = 0, 0, 0, TOGETHER, PATIENCE
        while left and patience:
            portion, rest = left[:size], left[size:]
            said = self._fails(portion)
            if said is None:
                came, left = came + len(portion), rest
                size, patience = min(2 * size, TOGETHER), PATIENCE
                continue
            size, patience = max(size // 2, 1), patience - 1
            refused = GONE.search(said)
            if refused and refused[1] in portion:
                self._gone(refused[1])
                gone += 1
                left.remove(refused[1])
            elif UNASKABLE in said:
                patience = 0
            elif len(portion) == 1:
                failed, left = failed + 1, rest
        return Brought(came=came, gone=gone, left=failed + len(left))

    def _fails(self, ids: Sequence[str]) -> str | None:
        """Fetch these; what git said where it got none of them, though the host can be asked."""
        refs = [f"{one}:{REFS}{one}" for one in ids]
        try:
            self._repository.fetch(refs, self._url, self._token)
        except SourceError as error:
            log.info("commits not fetched ids=%d reason=%s", len(ids), error)
            if not GONE.search(str(error)):
                self.heads()
            return str(error)
        return None
