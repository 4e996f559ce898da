"""Find a line of a file in a unified diff, and cut a hunk where GitHub would.

GitHub stores with a review comment the hunk from its header down to the commented line.
https://docs.github.com/en/rest/pulls/comments (`diff_hunk`, `position`)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

HEADER = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class DiffLine(Struct, frozen=True):
    """One line of a hunk; `new` is its 1-based number in the new file, 0 for a removed line."""

    text: str
    new: int


class Hunk(Struct, frozen=True):
    """One hunk; `position` is GitHub's number of its header line within the file's diff."""

    header: str
    position: int
    lines: tuple[DiffLine, ...]

    def place_of(self, new: int) -> int | None:
        """1-based place of a line of the new file in this hunk."""
        return next((at for at, line in enumerate(self.lines, 1) if line.new == new), None)

    def cut_at(self, place: int) -> str:
        """The hunk from its header to the line at that place."""
        return "\n".join([self.header, *(line.text for line in self.lines[:place])])


class Spot(Struct, frozen=True):
    """Where a line stands in a diff: the hunk cut there, and GitHub's position."""

    diff_hunk: str
    position: int


def parse_hunks(diff: str) -> dict[str, list[Hunk]]:
    """Hunks by the path of the new file."""
    files: dict[str, list[Hunk]] = {}
    lines: list[DiffLine] = []
    path, header, new, count = "", "", 0, 0

    def close() -> None:
        if header:
            files.setdefault(path, []).append(Hunk(header, count - len(lines) - 1, tuple(lines)))

    for text in diff.split("\n"):
        if text.startswith("diff --git "):
            close()
            header, lines, count = "", [], 0
        elif not header and text.startswith("+++ "):
            path = text.removeprefix("+++ ").removeprefix("b/")
        elif found := HEADER.match(text):
            close()
            header, lines, new, count = text, [], int(found[1]), count + 1
        elif header and text[:1] in (" ", "+", "-"):
            lines.append(DiffLine(text, 0 if text[0] == "-" else new))
            new += text[0] != "-"
            count += 1
    close()
    return files


def find_spot(files: Mapping[str, list[Hunk]], path: str, new: int) -> Spot | None:
    """Where line `new` of the new file stands; None if no hunk shows it."""
    for hunk in files.get(path, ()):
        if (place := hunk.place_of(new)) is not None:
            return Spot(hunk.cut_at(place), hunk.position + place)
    return None
