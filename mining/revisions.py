"""The parsed diff of a revision, and of a file between two of them, from git; a few are kept.

What git cannot give (a commit that is gone, a diff that cannot be read) is None, and the reader
counts it.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from mining.repository import Repository
from postil.diff import FileDiff, parse_diff, part_about, split_by_file
from postil.errors import PayloadError, SourceError
from postil.records import Revision

KEPT = 64
"""Diffs of each kind held at once; threads of one pull request come one after another."""

T = TypeVar("T")
Pair = tuple[str, str]
Kept = OrderedDict[Pair, T | None]


class Revisions:
    """Reads revisions of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._whole: Kept[tuple[FileDiff, ...]] = OrderedDict()
        self._parts: Kept[list[str]] = OrderedDict()

    def change_of(self, revision: Revision) -> tuple[FileDiff, ...] | None:
        """What the revision proposes: its diff from where it left the base branch."""
        if not self._repository.has(revision.sha):
            return None
        base: str | None = revision.base_sha
        if base and self._repository.has(base):
            base = self._repository.merge_base(base, revision.sha) or base
        else:
            base = self._repository.parent(revision.sha)
        return self._take(self._whole, (base, revision.sha), parse_diff) if base else None

    def file_between(self, before: str, after: str, path: str) -> tuple[FileDiff, ...] | None:
        """What two commits make of the file that had this path before: nothing, or one change.

        None where one of them is gone or the diff cannot be read. Other files are not parsed:
        between two revisions lies all that the base branch did meanwhile.
        """
        parts = self._take(self._parts, (before, after), split_by_file)
        return None if parts is None else _file(part_about(parts, path))

    def _take(self, kept: Kept[T], pair: Pair, parse: Callable[[str], T]) -> T | None:
        """The parsed diff of two commits, as it is kept or else from git."""
        if pair not in kept:
            kept[pair] = self._read(pair, parse)
            if len(kept) > KEPT:
                kept.popitem(last=False)
        kept.move_to_end(pair)
        return kept[pair]

    def _read(self, pair: Pair, parse: Callable[[str], T]) -> T | None:
        if not all(map(self.has, pair)):
            return None
        try:
            return parse(self._repository.diff(*pair))
        except (PayloadError, SourceError):
            return None

    def lines(self, sha: str, path: str) -> tuple[str, ...] | None:
        """The text of a file at a commit; None where there is none."""
        return self._repository.lines(sha, path) if self._repository.has(sha) else None

    def has(self, sha: str) -> bool:
        """Whether the commit is still there."""
        return self._repository.has(sha)


@lru_cache(KEPT)
def _file(part: str) -> tuple[FileDiff, ...] | None:
    """A file's part of a diff; many threads stand on the same file."""
    try:
        return parse_diff(part)
    except PayloadError:
        return None
