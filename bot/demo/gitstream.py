"""Write a git repository in one `git fast-import` stream, the same bytes on every machine.

Commits are named by marks while the stream is written; `import_stream` says which commit each
mark became. The user's git configuration is left out, so that it cannot change a result.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from bot.demo.talk import Person
from postil.errors import ConfigError

Mark = int
MAIN = "refs/heads/main"


class CommitStream:
    """Collects commits; nothing is run before `import_stream`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._marks = 0

    def commit(
        self,
        ref: str,
        message: str,
        files: Mapping[str, str | None],
        *,
        parents: Sequence[Mark],
        author: Person,
        authored_at: datetime,
        committer: Person | None = None,
        committed_at: datetime | None = None,
    ) -> Mark:
        """Add a commit; `files` maps a path to its new text, or to None where it goes away."""
        self._marks += 1
        self._line(f"commit {ref}")
        self._line(f"mark :{self._marks}")
        self._line(f"author {_signature(author, authored_at)}")
        self._line(f"committer {_signature(committer or author, committed_at or authored_at)}")
        self._data(message + "\n")
        for nth, parent in enumerate(parents):
            self._line(f"{'merge' if nth else 'from'} :{parent}")
        for path in sorted(files):
            text = files[path]
            if text is None:
                self._line(f"D {path}")
            else:
                self._line(f"M 100644 inline {path}")
                self._data(text)
        self._line("")
        return self._marks

    def read(self) -> bytes:
        """The stream so far, ended."""
        return b"".join([*self._parts, b"done\n"])

    def _line(self, text: str) -> None:
        self._parts.append(text.encode() + b"\n")

    def _data(self, text: str) -> None:
        raw = text.encode()
        self._parts.append(b"data %d\n" % len(raw) + raw + b"\n")


def import_stream(repository: Path, stream: CommitStream) -> dict[Mark, str]:
    """Make the repository, check out main, return the commit id of each mark."""
    repository.mkdir(parents=True)
    run_git(
        repository,
        "init",
        "--quiet",
        "--template=",
        "--initial-branch=main",
        "--object-format=sha1",
    )
    marks = repository / ".git" / "sample-marks"
    run_git(
        repository,
        "fast-import",
        "--quiet",
        "--done",
        f"--export-marks={marks}",
        given=stream.read(),
    )
    run_git(repository, "reset", "--quiet", "--hard", "main")
    rows = [line.split() for line in marks.read_text(encoding="ascii").splitlines()]
    marks.unlink()
    return {int(mark.removeprefix(":")): sha for mark, sha in rows}


def read_trees(repository: Path) -> dict[str, str]:
    """The tree id of every commit that a ref reaches."""
    said = run_git(repository, "log", "--all", "--format=%H %T")
    rows = (line.split() for line in said.splitlines())
    return {commit: tree for commit, tree in rows}  # noqa: C416


def read_diffs(repository: Path, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The unified diff from base to head of each (head, base); no head may come twice."""
    given = "".join(f"{head} {base}\n" for head, base in pairs)
    said = run_git(
        repository,
        "diff-tree",
        "--stdin",
        "-p",
        "-M",
        "-r",
        "-U3",
        "--no-color",
        given=given.encode(),
    )
    diffs = {head: "" for head, _ in pairs}
    current = ""
    for line in said.splitlines(keepends=True):
        if line.rstrip("\n") in diffs:
            current = line.rstrip("\n")
        else:
            diffs[current] += line
    return diffs


def run_git(repository: Path, *arguments: str, given: bytes | None = None) -> str:
    """Run git in a repository and return what it says; raise ConfigError if it fails."""
    hidden = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - git with our own arguments
            ["git", "-C", str(repository), *arguments],  # noqa: S607
            input=given,
            capture_output=True,
            env=environment,
            check=True,
        )
    except FileNotFoundError as error:
        raise ConfigError("git is not on the PATH; install it to build the sample team") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise ConfigError(f"git {arguments[0]} failed in {repository}: {said}") from error
    return done.stdout.decode()


def _signature(person: Person, at: datetime) -> str:
    return f"{person.name} <{person.email}> {int(at.timestamp())} +0000"
