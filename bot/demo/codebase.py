"""The code base of tidewater/harbor as modules made of blocks.

Pieces are inserted between blocks, never into one, so a change of three pieces is a diff of three
hunks, and two changes that were open at the same time can be merged by taking both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct

from bot.demo.pieces import TEAM_FOLDER
from postil.errors import ConfigError

SNIPPETS_PER_MODULE = 9
BLANK_LINES = 2  # between two blocks, as PEP 8 has it
# Untouched lines between two insertions. Git joins hunks that are 6 or fewer apart (3 lines of
# context each); the rest is for its liberty to shift a hunk over equal lines.
GAP = 12


class Block(Struct, frozen=True):
    """Some lines that belong together; `id` stays when the text is repaired or the file moves."""

    id: str
    lines: tuple[str, ...]


class Module(Struct, frozen=True):
    """One file. `words` say which pieces feel at home in it."""

    path: str
    words: tuple[str, ...]
    blocks: tuple[Block, ...]

    def text(self) -> str:
        """The file as it is stored."""
        gap = "\n" * (BLANK_LINES + 1)
        return gap.join("\n".join(block.lines) for block in self.blocks) + "\n"

    def first_line(self, block_id: str) -> int:
        """1-based line where a block begins."""
        line = 1
        for block in self.blocks:
            if block.id == block_id:
                return line
            line += len(block.lines) + BLANK_LINES
        raise KeyError(block_id)

    def with_block(self, block: Block, after: str) -> Module:
        """This module with one more block behind another."""
        blocks: list[Block] = []
        for old in self.blocks:
            blocks.append(old)
            if old.id == after:
                blocks.append(block)
        return msgspec.structs.replace(self, blocks=tuple(blocks))

    def slots(self, count: int, rng: Random) -> list[str]:
        """Up to `count` blocks to insert behind, at least GAP lines apart, in random order."""
        ends: dict[str, int] = {}
        for block in self.blocks:
            ends[block.id] = self.first_line(block.id) + len(block.lines) - 1
        candidates = list(ends)
        rng.shuffle(candidates)
        chosen: list[str] = []
        for candidate in candidates:
            if len(chosen) == count:
                break
            if all(abs(ends[candidate] - ends[other]) >= GAP for other in chosen):
                chosen.append(candidate)
        return chosen


# Modules by the path they had first; the key stays when a module is renamed.
Codebase = Mapping[str, Module]


class _RawModule(Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    noun: str
    purpose: str
    words: tuple[str, ...]


class _RawSnippet(Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    always: bool = False


class Foundation(Struct, frozen=True, forbid_unknown_fields=True):
    """base.toml: what the first modules are made of."""

    readme: str
    header: str
    modules: tuple[_RawModule, ...] = msgspec.field(name="module")
    snippets: tuple[_RawSnippet, ...] = msgspec.field(name="snippet")


def read_foundation(folder: Path = TEAM_FOLDER) -> Foundation:
    """Read base.toml; raise ConfigError where it does not keep the format."""
    path = folder / "base.toml"
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Foundation)
    except (msgspec.DecodeError, OSError) as error:
        raise ConfigError(f"{path}: {error}") from error


def found_modules(foundation: Foundation, rng: Random) -> dict[str, Module]:
    """The first version of every module, each of other snippets with its own noun and numbers."""
    always = [snippet for snippet in foundation.snippets if snippet.always]
    others = [snippet for snippet in foundation.snippets if not snippet.always]
    deck: list[_RawSnippet] = []
    modules: dict[str, Module] = {}
    for raw in foundation.modules:
        drawn = list(always)
        while len(drawn) < SNIPPETS_PER_MODULE:
            if not deck:
                deck = rng.sample(others, len(others))
            snippet = deck.pop()
            if snippet not in drawn:
                drawn.append(snippet)
        head = f'"""{raw.purpose}"""\n\n{foundation.header.strip()}'
        blocks = [Block(f"{raw.path}:head", tuple(head.split("\n")))]
        for at, snippet in enumerate(drawn):
            blocks.append(Block(f"{raw.path}:{at}", _fill_snippet(snippet.code, raw.noun, rng)))
        modules[raw.path] = Module(raw.path, raw.words, tuple(blocks))
    return modules


def _fill_snippet(code: str, noun: str, rng: Random) -> tuple[str, ...]:
    numbers = {
        "N1": rng.randrange(5, 60, 5),
        "N2": rng.randrange(7, 14),
        "N3": rng.randrange(1000, 30000, 500),
    }
    words = {"noun": noun, "Noun": noun.capitalize(), "NOUN": noun.upper()}
    text = re.sub("noun|Noun|NOUN", lambda found: words[found[0]], code.strip("\n"))
    text = re.sub(r"\bN[123]\b", lambda found: str(numbers[found[0]]), text)
    return tuple(text.split("\n"))


def insert_blocks(code: Codebase, blocks: Iterable[tuple[str, str, Block]]) -> dict[str, Module]:
    """The code base with more blocks; each comes with its module key and the block before it."""
    after = dict(code)
    for key, anchor, block in blocks:
        after[key] = after[key].with_block(block, anchor)
    return after


def rename_module(code: Codebase, key: str, path: str) -> dict[str, Module]:
    """The code base with one module at another path, known by its old key."""
    return {**code, key: msgspec.structs.replace(code[key], path=path)}
