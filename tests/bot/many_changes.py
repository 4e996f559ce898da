"""Generated changes of many files at once: two trees in a real git repository, and their diff."""

import random
from pathlib import Path

from benchmarks.anchors import Lines, Tally, check_change
from mining.repository import open_repository
from postil.diff import split_by_file
from tests.tiny_git import TinyGit

LINES = (
    "x = 1",
    "",
    "    return total",
    "\tif (a) {",
    "}",
    "naïve = 'é→\u2003ß'",
    "日本語のコメント",
    "emoji = '👩\u200d💻'",
    "+ plus",
    "- minus",
    "@@ -1 +1 @@",
    "diff --git a/x b/x",
    "\\ No newline",
    "trailing  ",
    "print(value)",
    "# \u202eoverride",
    "form\x0cfeed",
    "sep\u2028arator",
    "a" * 400,
)
NAMES = ("module", "ünïcode", "with space", "日本", "quote'd", "deep/er/file", "-dash", "a{b}")
ENDS = (".py", ".go", ".md", ".txt", "")

Tree = dict[str, bytes | str | None]


def make_file(draw: random.Random) -> bytes:
    """Lines of all kinds, with either line end, perhaps none at the very end."""
    lines = [draw.choice(LINES) for _ in range(draw.choice((1, 3, 10, 40)))]
    return join(lines, draw.choice(("\n", "\n", "\r\n")), draw.random() < 0.8)


def join(lines: list[str], end: str, closed: bool) -> bytes:
    """The file's bytes."""
    return (end.join(lines) + (end if closed and lines else "")).encode()


def change_file(content: bytes, draw: random.Random) -> bytes:
    """The same file with lines added, removed and replaced, perhaps with the other line end."""
    text = content.decode()
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    closed = lines[-1] == ""
    lines = lines[:-1] if closed else lines
    for _ in range(draw.choice((1, 2, 5))):
        at = draw.randrange(len(lines) + 1)
        lines[at : at + draw.randrange(3)] = [draw.choice(LINES) for _ in range(draw.randrange(4))]
    if draw.random() < 0.05:
        end = "\n" if end == "\r\n" else "\r\n"
    if draw.random() < 0.1:
        closed = not closed
    return join(lines, end, closed)


def check_generated(folder: Path, count: int, seed: int) -> Tally:
    """Change `count` files in one commit, review each, and hold all against both trees."""
    draw = random.Random(seed)
    git = TinyGit(folder)
    old: Tree = {}
    new: Tree = {}
    for number in range(count):
        path = f"{number % 50}/{draw.choice(NAMES)}{number}{draw.choice(ENDS)}"
        content = make_file(draw)
        kind = draw.choices(("modified", "added", "deleted", "renamed"), (6, 1, 1, 2))[0]
        if kind != "added":
            old[path] = content
        if kind in ("modified", "added"):
            new[path] = change_file(content, draw)
        else:
            new[path] = None
        if kind == "renamed":
            new[f"moved/{path}"] = change_file(content, draw)
    base, head = git.commit(old), git.commit(new)
    tally = Tally()
    with open_repository(folder) as repository:

        def before(path: str) -> Lines | None:
            return repository.lines(base, path)

        def after(path: str) -> Lines | None:
            return repository.lines(head, path)

        for number, part in enumerate(split_by_file(repository.diff(base, head))):
            check_change(part, before, after, seed + number, tally)
    return tally
