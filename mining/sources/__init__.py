"""Where review history comes from: one file a source, all with the same two faces.

The class of a source fetches raw payloads, one a change, and touches git or the network. The
module's function `read` turns one payload into a `Change` and is pure, so whatever was fetched
can be read again later with better eyes.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from postil.records import Change

KINDS = {
    "archive": "mining.sources.archive:Archive",
    "forgejo": "mining.sources.forgejo:Forgejo",
    "gerrit": "mining.sources.gerrit:Gerrit",
    "github": "mining.sources.github:GitHub",
    "history": "mining.sources.history:History",
}
"""The class of each kind of source; the function `read` stands beside it."""

ONLINE = frozenset({"forgejo", "github"})
"""Those that ask a host, and take credentials and somebody to tell of waits as well."""


class RawPayload(NamedTuple):
    """One change as its source gave it."""

    key: str
    """Its name within the repository."""
    moved: datetime | None
    """When it last moved."""
    body: bytes
    """JSON."""
    mark: str | None = None
    """Where a later run may begin, once this payload and all before it are stored."""
    commits: tuple[str, ...] = ()
    """Ids of the commits it tells of that must be in a clone; known once it was read."""


class Brought(NamedTuple):
    """What became of the commits that a clone lacked."""

    came: int = 0
    gone: int = 0
    """The host does not have them."""
    left: int = 0
    """To be asked for again: the host gives none by their ids, or too many failed in a row."""


class Source(Protocol):
    """One place to mine. Built from `(where, clone, repo)`; SourceError if it is unfit."""

    kind: str
    repo: str
    """owner/name, as given or as found out."""
    clone: Path | None
    """Where the repository's commits are, if there is a clone."""

    def fetch(self, since: datetime | None, until: datetime | None) -> Iterator[RawPayload]:
        """One payload a change: any that moved since `since`, and had closed by `until`.

        An open one had to have last moved by `until`.
        """


@runtime_checkable
class Resumable(Protocol):
    """A source whose payloads carry marks."""

    def resume(self, mark: str) -> None:
        """Let `fetch` begin behind this mark when it is asked for everything."""


@runtime_checkable
class Fetching(Protocol):
    """A source whose host also gives the commits that its payloads name."""

    def fetch_commits(self, ids: Sequence[str], gone: Callable[[str], None]) -> Brought:
        """Bring them into `clone`, if there is one; SourceError where that fails.

        `ids`: of commits that no branch may lead to any more; `gone` is told of each that the host
        does not have.
        """


class Read(Protocol):
    """The module function `read` of a source."""

    def __call__(self, body: bytes, dropped: Counter[str] | None = None) -> Change:
        """Read one payload; raise PayloadError if it is no change at all.

        What is left out of it is counted in `dropped` by reason, where given.
        """
