"""The parsed diff of a revision, and between two revisions, from git; a few are kept.

What git cannot give (a commit that is gone, a diff that cannot be read) is None, and the reader
counts it.
"""

from collections import OrderedDict

from mining.repository import Repository
from postil.diff import FileDiff, parse_diff
from postil.errors import PayloadError, SourceError
from postil.records import Revision

KEPT = 64
"""Parsed diffs held at once; threads of one pull request come one after another."""


class Revisions:
    """Reads revisions of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._kept: OrderedDict[tuple[str, str], tuple[FileDiff, ...] | None] = OrderedDict()

    def change_of(self, revision: Revision) -> tuple[FileDiff, ...] | None:
        """What the revision proposes: its diff from where it left the base branch."""
        if not self._repository.has(revision.sha):
            return None
        base: str | None = revision.base_sha
        if base and self._repository.has(base):
            base = self._repository.merge_base(base, revision.sha) or base
        else:
            base = self._repository.parent(revision.sha)
        return self.between(base, revision.sha) if base else None

    def between(self, before: str, after: str) -> tuple[FileDiff, ...] | None:
        """The diff of two commits; None where one of them is gone or it cannot be read."""
        key = (before, after)
        if key not in self._kept:
            self._kept[key] = self._read(before, after)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _read(self, before: str, after: str) -> tuple[FileDiff, ...] | None:
        if not (self._repository.has(before) and self._repository.has(after)):
            return None
        try:
            return parse_diff(self._repository.diff(before, after))
        except (PayloadError, SourceError):
            return None

    def lines(self, sha: str, path: str) -> tuple[str, ...] | None:
        """The text of a file at a commit; None where there is none."""
        return self._repository.lines(sha, path) if self._repository.has(sha) else None

    def has(self, sha: str) -> bool:
        """Whether the commit is still there."""
        return self._repository.has(sha)
