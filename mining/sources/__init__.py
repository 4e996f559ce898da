"""Where review history comes from: one file a source, all with the same two faces.

The class of a source fetches raw payloads, one a change, and touches git or the network. The
module's function `read` turns one payload into a `Change` and is pure, so whatever was fetched
can be read again later with better eyes.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from postil.records import Change

KINDS = {
    "archive": "mining.sources.archive:Archive",
    "gerrit": "mining.sources.gerrit:Gerrit",
}
"""The class of each kind of source; the function `read` stands beside it."""

RawPayload = tuple[str, datetime | None, bytes]
"""Key within the repository, when the change last moved, and a JSON body."""


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


class Read(Protocol):
    """The module function `read` of a source."""

    def __call__(self, body: bytes, dropped: Counter[str] | None = None) -> Change:
        """Read one payload; raise PayloadError if it is no change at all.

        What is left out of it is counted in `dropped` by reason, where given.
        """
