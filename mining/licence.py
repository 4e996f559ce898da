"""Under which licence the mined code stands, and who says so: the setting, the code, or the host.

Files are read through git, out of the commit that HEAD names: a link leads nowhere, and what is
large or no text is passed over. Words of the code that nobody knows claim nothing.
"""

import re
from collections.abc import Iterable, Sequence

import msgspec

from mining.licence_text import NONE, both, declared_in, expression, licence_of, unstated
from mining.objects import TreeFile
from mining.repository import BINARY_PROBE, Repository
from postil.records import Change

NAMES = re.compile(
    r"(?:[\w.]+-)?(?:(?:un)?licen[cs]es?|copying)(?:-[\w.+-]+?)?"
    r"(?:\.(?:txt|md|markdown|rst|adoc|lesser|mit|apache|bsd|mpl|isc|[al]?gpl(?:v?\d)?))?",
    re.I,
)
OF_OTHERS = re.compile(r"third|external|bundled|vendor|deps|asset|font|docs?\b", re.I)
"""In the name of a file about what is shipped along."""
GPL_3 = re.compile(r"(?:LicenseRef-)?GPL-3")
"""Its text stands beside that of the lesser licence, which adds to it and takes it in."""
REUSE = "LICENSES"
"""The folder in which each file is named after its licence; https://reuse.software/spec/"""
MOST_BYTES = 256 * 1024
"""The longest licences have 35,000."""
MOST_FILES = 64
SHOWN = 4
UNPRINTED = re.compile(r"[^\w.+/ -]")
HEAD_CHARS = 16 * 1024
"""Where in a README or a source file its licence is told."""


class Licence(msgspec.Struct, frozen=True, kw_only=True):
    """An SPDX expression, and where it was found, in words."""

    id: str
    found: str


def find_licence(repository: Repository | None, setting: str, changes: Sequence[Change]) -> Licence:
    """What the setting says, else the code at its head, else the host with the newest change."""
    if setting:
        return Licence(id=setting, found="the setting")
    head = repository.tip() if repository else None
    found = Licence(id=NONE, found="neither in the code nor at the host")
    if repository and head:
        found = _in_code(repository, head)
    if found.id == NONE:
        told = [change for change in changes if expression(change.licence)]
        if told:
            newest = max(told, key=lambda change: change.pull.created_at)
            return Licence(id=unstated(newest.licence), found="the host")
    return found


def _in_code(repository: Repository, head: str) -> Licence:
    top = repository.files(head)
    named = [f for f in top if NAMES.fullmatch(f.name) and not OF_OTHERS.search(f.name)]
    others = [file for file in top if file not in named]
    beside = _texts(repository, others)
    heads = "\n".join(text[:HEAD_CHARS] for text in beside.values())
    read = {name: licence_of(text, heads) for name, text in _texts(repository, named).items()}
    known = {name: licence for name, licence in read.items() if licence != NONE}
    if any("LGPL-3" in licence for licence in known.values()):
        known = {name: licence for name, licence in known.items() if not GPL_3.match(licence)}
    if known:
        return _found(head, known)
    filed = {f"{REUSE}/{f.name}": _stem(f.name) for f in repository.files(head, REUSE)}
    reused = {name: licence for name, stem in filed.items() if (licence := expression(stem))}
    if reused:
        return _found(head, reused)
    lines = {name: declared_in(text[:HEAD_CHARS]) for name, text in beside.items()}
    declared = {name: both(licences) for name, licences in lines.items() if licences}
    if declared:
        return _found(head, declared)
    why = f"the wording of {_names(read)} is not known" if read else "no licence file"
    return Licence(id=NONE, found=f"{why} at {head[:12]}")


def _found(head: str, licences: dict[str, str]) -> Licence:
    return Licence(id=both(licences.values()), found=f"{_names(licences)} at {head[:12]}")


def _names(licences: Iterable[str]) -> str:
    """Names of files, for the card; they are foreign text, so no markup comes through."""
    names = [UNPRINTED.sub("?", name)[:60] for name in licences]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _texts(repository: Repository, files: Sequence[TreeFile]) -> dict[str, str]:
    """The texts of the first of these files, by name; none of what is large, gone or binary."""
    small = [file for file in files if file.size is not None and file.size <= MOST_BYTES]
    small = small[:MOST_FILES]
    found = repository.objects([file.id for file in small])
    return {
        file.name: blob.body.decode("utf-8", "replace")
        for file, blob in zip(small, found, strict=True)
        if blob and b"\0" not in blob.body[:BINARY_PROBE]
    }


def _stem(name: str) -> str:
    return name.rpartition(".")[0] if name.endswith((".txt", ".md", ".text")) else name
