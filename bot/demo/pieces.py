"""The sample team's house rules and the small pieces of code that break or keep them.

Reads the TOML files of `team/`. A piece is written like a diff: the first column says whether a
line stands in both versions (' '), in the broken one only ('-') or in the repaired one only ('+').
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from postil.errors import ConfigError

TEAM_FOLDER = Path(__file__).parent / "team"
NOT_RULES = frozenset({"base.toml", "talk.toml"})
NEUTRAL = "neutral"

DEFINED_NAME = re.compile(r"^(?:async def|def|class)\s+(\w+)", re.MULTILINE)
ASSIGNED_NAME = re.compile(r"^(\w+)\s*(?::[^=\n]+)?=", re.MULTILINE)


class Piece(Struct, frozen=True, kw_only=True):
    """One small piece of code; `rule` is None where it breaks none."""

    id: str
    rule: str | None
    use: Literal["history", "unseen"]
    form: Literal["broken", "repaired"] | None
    marked: tuple[str, ...]

    def broken(self) -> tuple[str, ...]:
        """The lines before the repair; of a neutral piece its only lines."""
        return tuple(line[1:] for line in self.marked if line[:1] != "+")

    def repaired(self) -> tuple[str, ...]:
        """The lines after the repair."""
        return tuple(line[1:] for line in self.marked if line[:1] != "-")

    @property
    def fault(self) -> int:
        """1-based line of the broken version where the fault begins; 0 for a neutral piece."""
        before = [line for line in self.marked if line[:1] != "+"]
        return next((at for at, line in enumerate(before, 1) if line[:1] == "-"), 0)

    @property
    def fault_lines(self) -> int:
        """How many lines of the broken version are at fault."""
        return sum(line[:1] == "-" for line in self.marked)

    @property
    def name(self) -> str | None:
        """The function or class this piece defines, if any."""
        found = DEFINED_NAME.search("\n".join(self.repaired()))
        return found[1] if found else None

    @property
    def subject(self) -> str:
        """What a title calls this piece: the name it defines or first assigns."""
        assigned = ASSIGNED_NAME.search("\n".join(self.repaired()))
        return self.name or (assigned[1] if assigned else "a check")

    def moved(self, offset: int) -> int | None:
        """Where a line of the broken version (0-based) stands in the repaired one, if it does."""
        before = [at for at, line in enumerate(self.marked) if line[:1] != "+"]
        if self.marked[before[offset]][:1] == "-":
            return None
        return sum(line[:1] != "-" for line in self.marked[: before[offset]])

    def suggestion(self) -> tuple[str, ...] | None:
        """The lines that replace the faulty ones, if they stand in one place, equally indented."""
        kinds = "".join(line[:1] or " " for line in self.marked)
        if not re.fullmatch(r" *-+\++ *", kinds):
            return None
        old = [line[1:] for line in self.marked if line[0:1] == "-"]
        new = [line[1:] for line in self.marked if line[0:1] == "+"]
        return tuple(new) if indent(old[0]) == indent(new[0]) else None


class Rule(Struct, frozen=True, kw_only=True):
    """One house rule and what the reviewers write when they see it broken."""

    slug: str
    title: str
    remarks: tuple[str, ...]


class Content(Struct, frozen=True):
    """Everything written about rules and pieces."""

    rules: tuple[Rule, ...]
    pieces: tuple[Piece, ...]

    def select(self, use: str) -> list[Piece]:
        """The pieces of the history, or the unseen ones."""
        return [piece for piece in self.pieces if piece.use == use]


class _RawPiece(Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    use: Literal["history", "unseen"]
    form: Literal["broken", "repaired"] | None = None


class _RawFile(Struct, frozen=True, forbid_unknown_fields=True):
    rule: str = NEUTRAL
    title: str = ""
    remarks: tuple[str, ...] = ()
    piece: tuple[_RawPiece, ...] = ()


def indent(line: str) -> int:
    """Columns of leading space."""
    return len(line) - len(line.lstrip(" "))


def read_content(folder: Path = TEAM_FOLDER) -> Content:
    """Read all rule files of a folder; raise ConfigError where one does not keep the format."""
    rules: dict[str, Rule] = {}
    pieces: list[Piece] = []
    for path in sorted(folder.glob("*.toml")):
        if path.name in NOT_RULES:
            continue
        raw = _read_file(path)
        if raw.rule != NEUTRAL:
            known = rules[raw.rule].remarks if raw.rule in rules else ()
            rules[raw.rule] = Rule(slug=raw.rule, title=raw.title, remarks=known + raw.remarks)
        pieces.extend(_parse_pieces(path, raw))
    for rule in rules.values():
        if not rule.remarks:
            raise ConfigError(f"{folder}: rule {rule.slug} has no remarks; write some")
    if not rules:
        raise ConfigError(f"{folder}: no rule files; the installation lacks the sample team")
    return Content(rules=tuple(rules.values()), pieces=tuple(pieces))


def _read_file(path: Path) -> _RawFile:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_RawFile)
    except (msgspec.DecodeError, OSError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _parse_pieces(path: Path, raw: _RawFile) -> Iterator[Piece]:
    for number, entry in enumerate(raw.piece, 1):
        where = f"{path.stem}/{number}"
        marked = tuple(entry.code.strip("\n").split("\n"))
        kinds = "".join(line[:1] or " " for line in marked)
        if strange := set(kinds) - set(" -+"):
            raise ConfigError(
                f"{path}: piece {number}: first column {sorted(strange)[0]!r}; "
                "it says ' ', '-' or '+'"
            )
        if raw.rule == NEUTRAL and kinds.strip():
            raise ConfigError(f"{path}: piece {number}: a neutral piece has no '-' or '+' lines")
        if raw.rule != NEUTRAL and len(re.findall("-+", kinds)) != 1:
            raise ConfigError(f"{path}: piece {number}: needs one run of '-' lines")
        if raw.rule != NEUTRAL and entry.use == "unseen" and entry.form is None:
            raise ConfigError(f"{path}: piece {number}: an unseen piece says its form")
        yield Piece(
            id=where,
            rule=None if raw.rule == NEUTRAL else raw.rule,
            use=entry.use,
            form=entry.form,
            marked=marked,
        )
