"""Git's own objects -> what they say: parents of a commit, names in a tree. Pure."""

from collections.abc import Iterator

import msgspec

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The tree of no files, which every repository knows; the base of a commit without parents."""

FILE_MODES = ("100644 ", "100755 ")

CLOCK_DIGITS = 11
"""Seconds up to the year 5138; a datetime ends with 9999."""


class GitObject(msgspec.Struct, frozen=True):
    """One object as git holds it; `kind` is commit, tree, blob or tag."""

    id: str
    kind: str
    body: bytes


class TreeEntry(msgspec.Struct, frozen=True):
    """One name in a tree."""

    name: str
    id: str
    is_tree: bool


class TreeFile(msgspec.Struct, frozen=True):
    """A file in a tree, no link and no other repository; `size` is None where it is not there."""

    name: str
    id: str
    size: int | None


class CommitText(msgspec.Struct, frozen=True):
    """A commit, taken apart. `author` is the whole ident, `at` in seconds since 1970."""

    tree: str
    parents: tuple[str, ...]
    author: str
    at: int
    message: str


LOG_FORMAT = "%H%x1f%P%x1f%ct%x1f%an%x1f%ae%x1f%cn%x1f%ce%x1f%B"
"""What people write comes last: a separator in a name spoils nothing that we count on."""


class CommitRow(msgspec.Struct, frozen=True):
    """A commit as `git log` tells it; `committed_at` in seconds since 1970."""

    sha: str
    parents: tuple[str, ...]
    author_name: str
    author_mail: str
    committer_name: str
    committer_mail: str
    committed_at: int
    message: str


def read_row(record: str) -> CommitRow:
    """Take a record of LOG_FORMAT apart."""
    sha, parents, at, author, mail, committer, committer_mail, message = record.split("\x1f", 7)
    return CommitRow(
        sha,
        tuple(parents.split()),
        author,
        mail,
        committer,
        committer_mail,
        int(at or 0),
        message,
    )


def read_commit(found: GitObject | None) -> CommitText | None:
    """Take a commit apart; None if the object is no commit. Bad UTF-8 is replaced."""
    if found is None or found.kind != "commit":
        return None
    header, _, message = found.body.decode("utf-8", "replace").partition("\n\n")
    tree, author, at, parents = "", "", 0, []
    for row in header.split("\n"):
        key, _, value = row.partition(" ")
        if key == "tree":
            tree = value
        elif key == "parent":
            parents.append(value)
        elif key == "author":
            author, at = _ident(value)
    return CommitText(tree=tree, parents=tuple(parents), author=author, at=at, message=message)


def _ident(value: str) -> tuple[str, int]:
    """Split `Name <mail> 1239383047 +0000`; a clock that no calendar holds is 1970's."""
    name, _, clock = value.rpartition("> ")
    seconds = clock.partition(" ")[0]
    sound = seconds.isdecimal() and len(seconds) <= CLOCK_DIGITS
    return f"{name}>", int(seconds) if sound else 0


def tree_entries(tree: GitObject) -> Iterator[TreeEntry]:
    """The names in a tree, in git's order."""
    width, at, body = len(tree.id) // 2, 0, tree.body
    while at < len(body):
        mode_end = body.index(b" ", at)
        name_end = body.index(b"\0", mode_end)
        yield TreeEntry(
            name=body[mode_end + 1 : name_end].decode("utf-8", "replace"),
            id=body[name_end + 1 : name_end + 1 + width].hex(),
            is_tree=body[at:mode_end] == b"40000",
        )
        at = name_end + 1 + width


def tree_files(listing: str) -> Iterator[TreeFile]:
    """The files of a tree as `git ls-tree -z -l` lists them, by their last names."""
    for row in listing.split("\0"):
        about, tab, path = row.partition("\t")
        if tab and about.startswith(FILE_MODES):
            _, _, sha, size = about.split()
            yield TreeFile(path.rpartition("/")[2], sha, int(size) if size.isdecimal() else None)
