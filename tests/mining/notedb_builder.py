"""Builds tiny Gerrit repositories with git's plumbing: commits, meta refs, notes, fixed dates."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mining.sources.gerrit import Gerrit, read
from postil.records import Change

SERVER = "00000000-1111-2222-3333-444444444444"
OWNER, REVIEWER, SECOND = 1001, 1002, 1003
START = 1_600_000_000
"""2020-09-13T12:26:40Z; tests count seconds from here."""


def at(offset: float) -> datetime:
    """The time `offset` seconds after START."""
    return datetime.fromtimestamp(START + offset, UTC)


def stamp(offset: int) -> str:
    """The time as a comment writes it, `offset` seconds after START."""
    return at(offset).strftime("%Y-%m-%dT%H:%M:%SZ")


def comment(uuid: str, file: str, line: int, message: str, **fields: Any) -> dict[str, Any]:
    """A comment of a note; `by`, `at` and any field of Gerrit's own can be given."""
    by, when = fields.pop("by", REVIEWER), fields.pop("at", 100)
    return {
        "key": {"uuid": uuid, "filename": file, "patchSetId": fields.pop("patch_set", 1)},
        "lineNbr": line,
        "author": {"id": by},
        "writtenOn": stamp(when),
        "side": 1,
        "message": message,
        "unresolved": False,
        "serverId": SERVER,
        **fields,
    }


def note(*comments: Mapping[str, Any]) -> str:
    return json.dumps({"comments": comments})


def entry(by: int | None, at: int, *lines: str) -> tuple[str, int, str]:
    """A log entry: who (None: the server), when, and a subject with footers after it."""
    ident = f"Gerrit User {by} <{by}@{SERVER}>" if by else "Gerrit Code Review <g@example.com>"
    return ident, START + at, "Update\n\n" + "\n".join(lines) + "\n"


def created(sha: str, patch_set: int = 1, at: int = 0, by: int = OWNER) -> tuple[str, int, str]:
    footers = (f"Patch-set: {patch_set}", "Subject: Count the ships", f"Commit: {sha}")
    return entry(by, at, *footers)


class NoteDb:
    """A bare repository that grows by plumbing; `head` helps to write small histories."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "--quiet", "--bare", str(path), inside=False)

    def git(self, *command: str, text: str = "", inside: bool = True, at: int = START) -> str:
        where = ["-C", str(self.path)] if inside else []
        clock = f"{at} +0000"
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.com",
            "GIT_COMMITTER_NAME": "C",
            "GIT_COMMITTER_EMAIL": "c@example.com",
            "GIT_AUTHOR_DATE": clock,
            "GIT_COMMITTER_DATE": clock,
        }
        done = subprocess.run(
            ["git", *where, *command], input=text.encode(), env=environment, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("utf-8", "replace").strip()

    def blob(self, text: str) -> str:
        return self.git("hash-object", "-w", "--stdin", text=text)

    def tree(self, files: Mapping[str, str]) -> str:
        """A tree of texts by path; folders are made as needed."""
        rows: list[str] = []
        folders: dict[str, dict[str, str]] = {}
        for path, text in files.items():
            folder, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(folder, {})[rest] = text
            else:
                rows.append(f"100644 blob {self.blob(text)}\t{path}")
        rows += [f"040000 tree {self.tree(below)}\t{name}" for name, below in folders.items()]
        return self.git("mktree", text="".join(f"{row}\n" for row in rows))

    def commit(self, files: Mapping[str, str], *parents: str, at: int = 0) -> str:
        options = [word for parent in parents for word in ("-p", parent)]
        command = ("commit-tree", self.tree(files), *options, "-m", "x")
        return self.git(*command, at=START + at)

    def change(
        self,
        number: int,
        patch_sets: Sequence[str],
        log: Sequence[tuple[str, int, str]],
        notes: Mapping[str, str] | None = None,
        robots: Mapping[str, str] | None = None,
    ) -> None:
        """Write a change; all its notes come with the second entry of the log (or the first)."""
        self.grow(number, log[:1], {})
        self.grow(number, log[1:], notes or {})
        under = f"refs/changes/{number % 100:02}/{number}"
        for index, sha in enumerate(patch_sets, 1):
            self.git("update-ref", f"{under}/{index}", sha)
        if robots:
            self.git("update-ref", f"{under}/robot-comments", self.commit(robots))

    def grow(
        self, number: int, log: Sequence[tuple[str, int, str]], notes: Mapping[str, str]
    ) -> None:
        """Add entries to a change, with these notes in the tree of each."""
        ref = f"refs/changes/{number % 100:02}/{number}/meta"
        tip = self.git("for-each-ref", "--format=%(objectname)", ref)
        tree = self.tree(notes)
        for ident, at, message in log:
            above = f"parent {tip}\n" if tip else ""
            head = f"tree {tree}\n{above}author {ident} {at} +0000\n"
            text = f"{head}committer G <g@example.com> {at} +0000\n\n{message}"
            tip = self.git("hash-object", "-w", "-t", "commit", "--stdin", text=text)
        if log:
            self.git("update-ref", ref, tip)


class Harbour:
    """One change with one patch set, to be commented on."""

    def __init__(self, path: Path) -> None:
        self.db = NoteDb(path / "harbour.git")
        self.base = self.db.commit({"ships.py": "one\n"})
        self.sha = self.db.commit({"ships.py": "one\ntwo\n"}, self.base, at=1)

    def read(self, *comments: dict[str, Any], log: Any = (), **more: Any) -> Change:
        return self.tally(*comments, log=log, **more)[0]

    def tally(
        self, *comments: dict[str, Any], log: Any = (), **more: Any
    ) -> tuple[Change, Counter[str]]:
        notes = more.pop("notes", {self.sha: note(*comments)})
        told = [created(self.sha), entry(REVIEWER, 100, "Patch-set: 1"), *log]
        self.db.change(7, [self.sha], told, notes, **more)
        (payload,) = Gerrit(str(self.db.path), None, "team/harbour").fetch(None, None)
        dropped: Counter[str] = Counter()
        return read(payload.body, dropped), dropped
