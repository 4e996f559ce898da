"""The adapter registry: folders that are whole or absent, checked before every load.

HOME/adapters/<owner>/<name>/<digest>/ holds the weights, gate.json, index.jsonl and, written
last, card.json. `current` beside the folders is a file that names one; it is replaced by rename,
so a reader sees the old adapter or the new one and never a mixture.
"""

import fcntl
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from finetune.canaries import PLANTED
from finetune.cards import CARD, digest_card, hash_files, load_card, write_card
from finetune.files import sync, write_whole
from postil.errors import AdapterError
from postil.records import AdapterCard, Promotion

CURRENT = "current"
PREVIOUS = "previous"
CANDIDATE = "candidate"
"""Beside `current`: what reviews a share of the pull requests, where settings give it one."""
POINTERS = (CURRENT, PREVIOUS, CANDIDATE)
REPO = re.compile(r"[\w.-]+(/\+?[\w.-]+)*")
MAKING = ".making-"
GONE = ".gone-"
"""A folder on its way out: its name is no digest any more, so no reader opens it."""
RECARDING = ".card-"
NEW_S = 60.0
"""A folder younger than that may not be locked yet by the run that made it."""

log = logging.getLogger(__name__)


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter that was removed."""

    name: str
    size: int
    """Bytes."""


class Registry:
    """The adapters of one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "adapters"

    def folder(self, repo: str) -> Path:
        """Where a repository's adapters live."""
        if not REPO.fullmatch(repo) or ".." in repo.split("/"):
            raise AdapterError(f"{repo!r}: not a repository name; expected owner/name")
        return self.root / repo

    @contextmanager
    def workspace(self, repo: str) -> Iterator[Path]:
        """A fresh folder beside the published ones, gone afterwards unless it was published.

        What a killed run left is removed first: its folder is locked by nobody any more.
        """
        parent = self.folder(repo)
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.glob(f"{MAKING}*"):
            _remove_if_left(left)
        folder = Path(tempfile.mkdtemp(prefix=MAKING, dir=parent))
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)

    def publish(self, made: Path, card: AdapterCard) -> Path:
        """Write the card last, then rename the folder to its digest; returns the new folder."""
        card = msgspec.structs.replace(card, files=hash_files(made))
        write_card(made, card)
        for path in made.iterdir():
            sync(path)
        sync(made)
        name = digest_card(card)
        target = self.folder(card.repo) / name
        if target.exists():
            shutil.rmtree(made)
        else:
            made.rename(target)
            sync(target.parent)
        return target

    def list(self, repo: str) -> Iterator[Path]:
        """Published adapters of a repository, oldest first."""
        parent = self.folder(repo)
        found = [p for p in parent.glob("*") if (p / CARD).exists() and p.name[:1] != "."]
        yield from sorted(found, key=lambda p: (p / CARD).stat().st_mtime)

    def current(self, repo: str) -> Path | None:
        """The promoted adapter; None where none was."""
        return self._pointed(repo, CURRENT)

    def candidate(self, repo: str) -> Path | None:
        """The adapter that is tried on a share of the pull requests; None where none is."""
        return self._pointed(repo, CANDIDATE)

    def pointed(self, repo: str) -> frozenset[str]:
        """The names of the current, the previous and the candidate adapter."""
        names = (self._name(repo, pointer) for pointer in POINTERS)
        return frozenset(name for name in names if name)

    def find(self, repo: str, name: str) -> Path:
        """An adapter by its digest or the start of it; AdapterError if none or several match."""
        found = [path for path in self.list(repo) if path.name.startswith(name)]
        if len(found) != 1:
            known = ", ".join(path.name for path in self.list(repo)) or "none"
            raise AdapterError(f"{repo}: no single adapter {name!r}; there are: {known}")
        return found[0]

    def promote(self, repo: str, folder: Path, promotion: Promotion) -> None:
        """Make a verified adapter the current one; the one before can be rolled back to.

        The card keeps how it came to it. AdapterError for one that was trained with secrets in
        it, to see whether they come out.
        """
        with self._locked(repo):
            self._let(folder, promotion)
            self._point(repo, folder)
            if self._name(repo, CANDIDATE) == folder.name:
                self._drop_candidate(repo)

    def stage(self, repo: str, folder: Path, promotion: Promotion) -> None:
        """Make a verified adapter the candidate, in place of an earlier one."""
        with self._locked(repo):
            if folder == self.current(repo):
                raise AdapterError(f"{folder.name}: is current already, no candidate")
            self._let(folder, promotion)
            write_whole(self.folder(repo) / CANDIDATE, folder.name.encode())

    def withdraw(self, repo: str) -> str:
        """Take the candidate back; its name. AdapterError where there is none."""
        with self._locked(repo):
            name = self._name(repo, CANDIDATE)
            if name is None:
                raise AdapterError(f"{repo}: no candidate to withdraw")
            self._drop_candidate(repo)
        return name

    def rollback(self, repo: str) -> Path:
        """Go back to the adapter that was current before."""
        with self._locked(repo):
            before = self._pointed(repo, PREVIOUS)
            if before is None:
                raise AdapterError(f"{repo}: no earlier adapter to go back to")
            load_card(before)
            self._point(repo, before)
        return before

    def _let(self, folder: Path, promotion: Promotion) -> None:
        """Write into a verified adapter's card how it came to speak."""
        card = load_card(folder)
        planted = card.metrics.get(PLANTED, 0)
        if planted:
            raise AdapterError(
                f"{folder.name}: trained with {planted:.0f} planted canaries, for a proof"
                " only; train again without `train.canaries`"
            )
        self._rewrite(folder, msgspec.structs.replace(card, promotion=promotion))

    def _drop_candidate(self, repo: str) -> None:
        (self.folder(repo) / CANDIDATE).unlink(missing_ok=True)
        sync(self.folder(repo))

    def _point(self, repo: str, folder: Path) -> None:
        """Change `current`; an adapter that is gone is none to go back to."""
        now = self._name(repo, CURRENT)
        if now == folder.name:
            return
        if now is not None and (self.folder(repo) / now / CARD).exists():
            write_whole(self.folder(repo) / PREVIOUS, now.encode())
        write_whole(self.folder(repo) / CURRENT, folder.name.encode())

    def _rewrite(self, folder: Path, card: AdapterCard) -> None:
        """Put a card in place of the old one, as old as it: adapters are listed by age.

        It is written beside the folder, because readers refuse a file that no card names.
        """
        aside = folder.with_name(f"{RECARDING}{folder.name}")
        write_whole(aside, msgspec.json.format(msgspec.json.encode(card)))
        made = (folder / CARD).stat().st_mtime_ns
        os.utime(aside, ns=(made, made))
        aside.replace(folder / CARD)
        sync(folder)

    def prune(self, repo: str, keep: int, *, dry_run: bool = False) -> tuple[Pruned, ...]:
        """Remove all but the newest `keep` and those that are pointed to; says which.

        A folder is renamed to a dot name before its files go: a reader that comes later finds no
        adapter, and one that has files open reads them to their end.
        """
        if not self.folder(repo).is_dir():
            return ()
        with self._locked(repo):
            pointed = self.pointed(repo)
            old = tuple(self.list(repo))[:-keep]
            going = [folder for folder in old if folder.name not in pointed]
            removed = tuple(Pruned(name=path.name, size=_size(path)) for path in going)
            if dry_run:
                return removed
            for folder in going:
                folder.rename(folder.with_name(f"{GONE}{folder.name}"))
            sync(self.folder(repo))
            for gone in self.folder(repo).glob(f"{GONE}*"):  # a killed run's too
                shutil.rmtree(gone, ignore_errors=True)
        return removed

    @contextmanager
    def _locked(self, repo: str) -> Iterator[None]:
        """One process at a time promotes or prunes; readers wait for nobody."""
        descriptor = os.open(self.folder(repo), os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _name(self, repo: str, pointer: str) -> str | None:
        try:
            return (self.folder(repo) / pointer).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None

    def _pointed(self, repo: str, pointer: str) -> Path | None:
        name = self._name(repo, pointer)
        if name is None:
            return None
        folder = self.folder(repo) / name
        if not (folder / CARD).exists():
            raise AdapterError(f"{folder}: the {pointer} adapter is gone; promote another")
        return folder


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _remove_if_left(folder: Path) -> None:
    """Remove a folder that is not new and that no process holds."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # another run was faster
    try:
        if time.time() - folder.stat().st_mtime > NEW_S:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        log.info("kept folder=%s, somebody works in it", folder.name)
    finally:
        os.close(descriptor)
