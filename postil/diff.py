"""A unified diff as numbered, anchorable lines on both sides, cut into windows.

Git's own format is read here rather than by unidiff, which refuses a whole diff for one path
with a space in a folder name (docs/decisions/001-own-diff-reader.md). Pure.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

import msgspec

from postil.errors import PayloadError
from postil.records import DiffLine, Window

DEV_NULL = "/dev/null"
STRIPPED = ("", "\r")
"""How an empty context line begins whose space was stripped; a carriage return is its text."""
HUNK_HEADER = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
COMBINED = re.compile(r"^(diff --(cc|combined) |@@@+ -)")
GIT_ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
ESCAPED = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b'"': 34, b"\\": 92}

FileChange = Literal["added", "deleted", "renamed", "modified"]


class Hunk(msgspec.Struct, frozen=True, kw_only=True):
    """One changed block. `path` is the file's path after the change (before, if deleted)."""

    path: str
    lines: tuple[DiffLine, ...]


class FileDiff(msgspec.Struct, frozen=True, kw_only=True):
    """The change to one file; a binary or mode-only change has no hunks."""

    path: str
    old_path: str
    change: FileChange
    binary: bool = False
    hunks: tuple[Hunk, ...] = ()


def parse_diff(text: str) -> tuple[FileDiff, ...]:
    """Read a git or plain unified diff; raise PayloadError with the line number if it is none.

    Lines end at newline only, so a carriage return stays part of its line. An empty text is an
    empty diff. Combined diffs of merges are refused: their lines have no single side.
    """
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    files: list[FileDiff] = []
    at = 0
    while at < len(lines):
        if COMBINED.match(lines[at]):
            raise PayloadError(f"diff line {at + 1}: combined diff of a merge; diff two commits")
        if _starts_file(lines, at):
            file, at = _read_file(lines, at)
            files.append(file)
        elif HUNK_HEADER.match(lines[at]):
            raise PayloadError(f"diff line {at + 1}: a hunk before any file header")
        else:
            at += 1
    if lines and not files and any(line.strip() for line in lines):
        raise PayloadError("diff line 1: no file header found; expected a unified diff")
    return tuple(files)


def split_by_file(text: str) -> list[str]:
    """The part of each file in a diff that git made; each is a diff for `parse_diff`."""
    mark = "diff --git "  # no line of a hunk begins so
    return [f"{mark}{part}" for part in f"\n{text}".split(f"\n{mark}")[1:]]


def part_about(parts: list[str], path: str) -> str:
    """The part about the file that had this path before the change; "" where there is none.

    Hunks are not read, nor headers that do not name it (git quotes odd names).
    """
    for part in parts:
        header = part[: part.find("\n@@ ") + 1] or part
        named = path in header or '"' in header
        if named and parse_diff(header)[0].old_path == path:
            return part
    return ""


def _starts_file(lines: list[str], at: int) -> bool:
    if lines[at].startswith("diff --git "):
        return True
    following = lines[at + 1] if at + 1 < len(lines) else ""
    return lines[at].startswith("--- ") and following.startswith("+++ ")


def _read_file(lines: list[str], at: int) -> tuple[FileDiff, int]:
    """Read one file's header and hunks; return it and the index of the line after it."""
    old, new, binary = "", "", False
    change: FileChange | None = None
    if lines[at].startswith("diff --git "):
        old, new = _split_git_header(lines[at])
        at += 1
    while at < len(lines) and not lines[at].startswith(("diff --git ", "@@")):
        line = lines[at]
        if line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
            old, new = _header_path(line), _header_path(lines[at + 1])
            at += 2
            break
        key, _, value = line.partition(" ")
        if line.startswith("new file mode"):
            change = "added"
        elif line.startswith("deleted file mode"):
            change = "deleted"
        elif key in ("rename", "copy"):
            direction, _, name = value.partition(" ")
            old = f"a/{_unquote(name)}" if direction == "from" else old
            new = f"b/{_unquote(name)}" if direction == "to" else new
            change = "renamed"
        elif line.startswith(("Binary files ", "GIT binary patch")):
            binary = True
        at += 1
    return _finish_file(lines, at, old, new, change, binary)


def _finish_file(
    lines: list[str], at: int, old: str, new: str, change: FileChange | None, binary: bool
) -> tuple[FileDiff, int]:
    if change is None:
        change = "added" if old == DEV_NULL else "deleted" if new == DEV_NULL else "modified"
    old_path, new_path = _strip_prefix(old), _strip_prefix(new)
    path = old_path if change == "deleted" or new == DEV_NULL else new_path
    old_path = path if old == DEV_NULL else old_path
    if not path:
        raise PayloadError(f"diff line {at}: a file without a name")
    hunks: list[Hunk] = []
    while at < len(lines) and HUNK_HEADER.match(lines[at]):
        hunk, at = _read_hunk(lines, at, path)
        hunks.append(hunk)
    if change == "modified" and old_path != path:
        change = "renamed"
    file = FileDiff(path=path, old_path=old_path, change=change, binary=binary, hunks=tuple(hunks))
    return file, at


def _read_hunk(lines: list[str], at: int, path: str) -> tuple[Hunk, int]:
    """Read exactly as many lines as the header promises on each side."""
    header = HUNK_HEADER.match(lines[at])
    assert header is not None  # noqa: S101 - the caller matched this very line
    old, old_count, new, new_count = (int(part or "1") for part in header.groups())
    old_end, new_end = old + old_count, new + new_count
    body: list[DiffLine] = []
    at += 1
    # Nearly all of a miner's time that is not git's own is spent in this loop.
    while old < old_end or new < new_end:
        if at >= len(lines):
            raise PayloadError(f"diff line {at}: {path}: the hunk ends too early")
        line = lines[at]
        mark = line[:1]
        if mark == " ":
            body.append(DiffLine(kind=" ", text=line[1:], old=old, new=new))
            old += 1
            new += 1
        elif mark == "+":
            body.append(DiffLine(kind="+", text=line[1:], new=new))
            new += 1
        elif mark == "-":
            body.append(DiffLine(kind="-", text=line[1:], old=old))
            old += 1
        elif mark in STRIPPED:
            body.append(DiffLine(kind=" ", text=line, old=old, new=new))
            old += 1
            new += 1
        elif mark != "\\":
            raise PayloadError(f"diff line {at + 1}: {path}: not a diff line: {mark!r}")
        at += 1
    if old > old_end or new > new_end:
        raise PayloadError(f"diff line {at}: {path}: the hunk is longer than its header says")
    while at < len(lines) and lines[at].startswith("\\ "):
        at += 1
    return Hunk(path=path, lines=tuple(body)), at


def _split_git_header(line: str) -> tuple[str, str]:
    """Names of `diff --git a/x b/x`; ambiguous with spaces, so equal halves are preferred."""
    rest = line.removeprefix("diff --git ").rstrip("\r")
    if rest.startswith('"') or rest.endswith('"'):
        names = re.findall(r'"(?:[^"\\]|\\.)*"|\S+', rest)
        return (_unquote(names[0]), _unquote(names[-1])) if len(names) > 1 else ("", "")
    half = len(rest) // 2
    if rest[half : half + 1] == " " and rest[:half][2:] == rest[half + 1 :][2:]:
        return rest[:half], rest[half + 1 :]
    old, _, new = rest.partition(" b/")
    return old, f"b/{new}" if new else ""


def _header_path(line: str) -> str:
    name = line[4:].rstrip("\r")
    return _unquote(name.split("\t")[0])


def _unquote(name: str) -> str:
    """Undo git's C-style quoting; names that are not UTF-8 keep a replacement character."""
    name = name.rstrip("\r")
    if not (len(name) >= 2 and name.startswith('"') and name.endswith('"')):
        return name
    raw = GIT_ESCAPE.sub(_unescape, name[1:-1].encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "replace")


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match.group(1)
    return bytes([ESCAPED[code] if code in ESCAPED else int(code, 8) & 0xFF])


def _strip_prefix(name: str) -> str:
    return re.sub(r"^[abciow12]/", "", name)


def windows(hunk: Hunk, max_lines: int) -> Iterator[Window]:
    """Cut a hunk into windows of at most `max_lines` lines (a little more at its end).

    The cut looks at the hunk's own lines only, never at where somebody commented. Every window
    holds a changed line; together they hold every line of the hunk once, in order.
    """
    language = language_of(hunk.path)
    rest = hunk.lines if _changed(hunk.lines) else ()
    while rest:
        end = _cut(rest, max_lines)
        if not _changed(rest[end:]):
            end = len(rest)
        if not _changed(rest[:end]):
            end = next(i for i, line in enumerate(rest) if line.kind != " ") + 1
        yield Window(path=hunk.path, language=language, lines=rest[:end])
        rest = rest[end:]


def _cut(lines: tuple[DiffLine, ...], max_lines: int) -> int:
    """Where to end the next window: before an outermost line of its second half."""
    if len(lines) <= max_lines:
        return len(lines)
    places = range(max(1, max_lines // 2), max_lines + 1)
    return min(places, key=lambda i: (_depth(lines[i - 1], lines[i]), -i))


def _depth(above: DiffLine, below: DiffLine) -> int:
    """How deep inside a block a cut between two lines would fall; blank lines are best."""
    text = below.text.strip()
    if not text:
        return 1000
    indent = len(below.text) - len(below.text.lstrip())
    return 2 * indent - (0 if above.text.strip() else 1)


def _changed(lines: tuple[DiffLine, ...]) -> bool:
    return any(line.kind != " " for line in lines)


LANGUAGES = {
    ".c": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cs": "csharp",
    ".css": "css",
    ".go": "go",
    ".h": "c",
    ".hpp": "cpp",
    ".html": "html",
    ".java": "java",
    ".js": "javascript",
    ".json": "json",
    ".jsx": "javascript",
    ".kt": "kotlin",
    ".md": "markdown",
    ".php": "php",
    ".py": "python",
    ".rb": "ruby",
    ".rs": "rust",
    ".rst": "text",
    ".scala": "scala",
    ".sh": "shell",
    ".sql": "sql",
    ".swift": "swift",
    ".toml": "toml",
    ".ts": "typescript",
    ".tsx": "typescript",
    ".txt": "text",
    ".yaml": "yaml",
    ".yml": "yaml",
}


OTHER = "other"
LANGUAGE_NAMES = frozenset(LANGUAGES.values()) | {OTHER}


def language_of(path: str) -> str:
    """The language by file name; "other" where the name does not tell."""
    return LANGUAGES.get(PurePosixPath(path).suffix.lower(), OTHER)
