"""Every review of a Gerrit clone, read from `refs/changes/*/meta` (NoteDb); no server is asked.

One payload a change leaves, with what git holds of it verbatim. Objects are asked for in rounds
over many changes at once, so that one git process answers for all of them. A later run reads only
changes of which some ref has moved.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from mining.objects import CommitText, GitObject, read_commit, tree_entries
from mining.repository import ALL_CHANGES, clone, open_repository, without_password
from mining.sources import RawPayload
from mining.sources.notedb import FORMAT, NoteDbPayload, read
from mining.sources.notedb_comments import NoteText
from mining.sources.notedb_log import Event, LogEntry, closing_of, read_entry
from postil.errors import SourceError

__all__ = ["Gerrit", "read"]

GROUP = 64
"""Changes read together; more gains nothing and costs memory."""

CHANGE_REF = re.compile(r"refs/changes/\d\d/(\d+)/(meta|robot-comments|\d+)")


class ChangeRefs(msgspec.Struct):
    """The refs of one change."""

    number: int
    meta: str = ""
    robots: str = ""
    patch_sets: dict[str, str] = msgspec.field(default_factory=dict)

    def digest(self) -> str:
        """Twelve hex digits over all of them."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]


class Seen(msgspec.Struct):
    """A mark: the digests of the refs of every change that was read, by number."""

    format: int
    refs: dict[int, str]


class Gerrit:
    """The reviews in a clone. `where` is its path, or a URL that is cloned into `clone`."""

    kind = "gerrit"

    def __init__(self, where: str, clone: Path | None, repo: str | None) -> None:
        self.clone: Path | None = _cloned(where, clone) if "://" in where else _folder(where)
        self._repository = open_repository(self.clone)
        remote = self._repository.remote_url()
        self._remote = without_password(remote) if remote else None
        self.repo = repo or _name_of(self._remote, self.clone)
        self._changes = _group_refs(self._repository.refs("refs/changes"))
        self._seen: dict[int, str] = {}
        if not self._changes:
            raise SourceError(
                f"{where}: a clone without the reviews; fetch them: "
                f"git fetch origin '{ALL_CHANGES}'"
            )

    def __len__(self) -> int:
        return len(self._changes)

    def resume(self, mark: str) -> None:
        """Leave out what has not moved since that mark, when everything is asked for."""
        try:
            seen = msgspec.json.decode(mark, type=Seen)
        except msgspec.MsgspecError:
            return  # of another release: everything is read again
        self._seen = seen.refs if seen.format == FORMAT else {}

    def fetch(self, since: datetime | None, until: datetime | None) -> Iterator[RawPayload]:
        """One payload a change, with when it last moved: closed ones, when they closed.

        `until` goes by that time, and a change is given as it stood then: what was said later
        stays unseen. `since` goes by any entry at all, so that late remarks come in. The last
        payload of a run that is asked for everything carries a mark.
        """
        whole = since is None and until is None
        refs = {one.number: one.digest() for one in self._changes} if whole else {}
        moved = [
            one
            for one in self._changes
            if not whole or self._seen.get(one.number) != refs[one.number]
        ]
        held: RawPayload | None = None
        with self._repository:
            for start in range(0, len(moved), GROUP):
                for payload in self._fetch_group(moved[start : start + GROUP], since, until):
                    if held is not None:
                        yield held
                    held = payload
        if held is not None:
            mark = msgspec.json.encode(Seen(format=FORMAT, refs=refs)).decode() if whole else None
            yield held._replace(mark=mark)

    def _fetch_group(
        self, group: Sequence[ChangeRefs], since: datetime | None, until: datetime | None
    ) -> Iterator[RawPayload]:
        kept: list[tuple[ChangeRefs, list[CommitText], datetime | None]] = []
        patch_sets: list[list[str]] = []
        last = until.timestamp() if until else math.inf
        for refs, chain in zip(group, self._chains([r.meta for r in group]), strict=True):
            events = [read_entry(LogEntry(c.author, c.at, c.message)) for c in chain]
            moved = _moved_at(events)
            if until and moved and moved > until:
                continue
            known = [c for c in chain if c.at <= last]
            if since and known and known[-1].at < since.timestamp():
                continue
            kept.append((refs, known, moved))
            told = (e.commit for c, e in zip(chain, events, strict=True) if c.at <= last)
            patch_sets.append(sorted({*refs.patch_sets.values(), *filter(None, told)}))
        notes = self._notes([chain[-1].tree if chain else "" for _, chain, _ in kept])
        robots = self._notes(self._trees([refs.robots for refs, _, _ in kept]))
        parents = self._parents(patch_sets)
        for index, (refs, chain, moved) in enumerate(kept):
            payload = NoteDbPayload(
                format=FORMAT,
                repo=self.repo,
                number=refs.number,
                remote=self._remote,
                log=tuple(LogEntry(c.author, c.at, c.message) for c in chain),
                notes=notes[index],
                robot_notes=robots[index],
                patch_sets=refs.patch_sets,
                parents=parents[index],
            )
            body = msgspec.json.encode(payload, order="deterministic")
            yield RawPayload(str(refs.number), moved, body)

    def _chains(self, tips: Sequence[str]) -> list[list[CommitText]]:
        """The commits of each meta ref, oldest first; one that is broken off is empty."""
        chains: list[list[CommitText]] = [[] for _ in tips]
        wanted = list(enumerate(tips))
        while wanted:
            found = self._repository.objects([sha for _, sha in wanted])
            above: list[tuple[int, str]] = []
            for (index, _), commit in zip(wanted, map(read_commit, found), strict=True):
                if commit is None:
                    chains[index] = []
                    continue
                chains[index].append(commit)
                above += [(index, commit.parents[0])] if commit.parents else []
            wanted = above
        return [chain[::-1] for chain in chains]

    def _trees(self, commits: Sequence[str]) -> list[str]:
        """The tree of each commit; "" where there is none."""
        found = map(read_commit, self._repository.objects(commits))
        return [commit.tree if commit else "" for commit in found]

    def _notes(self, trees: Sequence[str]) -> list[tuple[NoteText, ...]]:
        """The notes under each tree, however deep; a note's path without slashes is its name."""
        names: list[tuple[int, str, str]] = []
        wanted = [(index, "", tree) for index, tree in enumerate(trees) if tree]
        while wanted:
            found = self._repository.objects([sha for _, _, sha in wanted])
            wanted = list(_descend(wanted, found, names))
        blobs = self._repository.objects([sha for _, _, sha in names])
        notes: list[list[NoteText]] = [[] for _ in trees]
        for (index, name, _), blob in zip(names, blobs, strict=True):
            text = blob.body.decode("utf-8", "replace") if blob else ""
            notes[index].append(NoteText(name, text))
        return [tuple(sorted(of_one, key=lambda note: note.revision)) for of_one in notes]

    def _parents(self, groups: Sequence[Sequence[str]]) -> list[dict[str, tuple[str, ...] | None]]:
        """The parents of the commits in each group; None for a commit that is gone."""
        commits = iter(self._repository.objects([sha for group in groups for sha in group]))
        return [{sha: _parents_of(next(commits)) for sha in group} for group in groups]


def _descend(
    asked: Iterable[tuple[int, str, str]],
    found: Iterable[GitObject | None],
    names: list[tuple[int, str, str]],
) -> Iterator[tuple[int, str, str]]:
    """Put the files of these trees into `names`; give back the folders.

    A tree that is gone becomes a file that is gone, to be counted where notes are read.
    """
    for (index, prefix, _), tree in zip(asked, found, strict=True):
        if tree is None:
            names.append((index, prefix, ""))
            continue
        for entry in tree_entries(tree):
            item = (index, prefix + entry.name, entry.id)
            if entry.is_tree:
                yield item
            else:
                names.append(item)


def _parents_of(found: GitObject | None) -> tuple[str, ...] | None:
    commit = read_commit(found)
    return commit.parents if commit else None


def _moved_at(events: Sequence[Event]) -> datetime | None:
    """When the change closed; of an open one, its last entry. None without a log."""
    return (closing_of(events).at or events[-1].at) if events else None


def _group_refs(refs: dict[str, str]) -> list[ChangeRefs]:
    """The changes that have a meta ref, by number."""
    changes: dict[int, ChangeRefs] = {}
    for name, sha in refs.items():
        match = CHANGE_REF.fullmatch(name)
        if match is None:
            continue
        number, what = int(match[1]), match[2]
        change = changes.setdefault(number, ChangeRefs(number))
        if what == "meta":
            change.meta = sha
        elif what == "robot-comments":
            change.robots = sha
        else:
            change.patch_sets[what] = sha
    return [change for _, change in sorted(changes.items()) if change.meta]


def _folder(where: str) -> Path:
    return Path(where).expanduser().resolve()


def _cloned(url: str, to: Path | None) -> Path:
    """A bare clone of `url` at `to`, made or brought up to date, with every review."""
    if to is None:
        raise SourceError(f"{without_password(url)}: say where to clone it to: --clone PATH")
    with open_repository(to) if to.exists() else clone(url, to) as repository:
        repository.fetch([ALL_CHANGES])
    return to.resolve()


def _name_of(remote: str | None, folder: Path) -> str:
    """The repository's name: the path of its remote, else of its folder."""
    path = (
        urlsplit(remote).path if remote and "://" in remote else (remote or "").rpartition(":")[2]
    )
    name = path.strip("/").removesuffix(".git").removeprefix("a/")
    if name:
        return name
    own = folder.parent if folder.name == ".git" else folder
    return own.name.removesuffix(".git")
