"""Choose where in the code base the pieces of one pull request go.

A piece goes to a module whose words it shares, where that module has room: two pieces of one
change never stand so close that their hunks would join.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec import Struct

from bot.demo.codebase import Block, Codebase, Module
from bot.demo.pieces import Piece
from postil.errors import ConfigError

CROWDED = 12  # blocks in a module that weigh as much as one shared word


class Placement(Struct, frozen=True, kw_only=True):
    """One piece, the module it goes into and the block it stands behind."""

    piece: Piece
    module: str
    anchor: str

    @property
    def block_id(self) -> str:
        """The id of the block it becomes."""
        return self.piece.id

    def block(self, *, repaired: bool) -> tuple[str, str, Block]:
        """What `insert_blocks` takes."""
        lines = self.piece.repaired() if repaired else self.piece.broken()
        return self.module, self.anchor, Block(self.block_id, lines)


def place_pieces(
    code: Codebase, pieces: Sequence[Piece], rng: Random, *, files: int, include: str | None = None
) -> list[Placement]:
    """Spread pieces over about `files` modules, `include` among them; raise if there is no room."""
    open_keys = [key for key, module in code.items() if module.words]
    liking = {
        key: sum(_affinity(piece, code[key]) for piece in pieces)
        - len(code[key].blocks) / CROWDED
        + rng.random()
        for key in open_keys
    }
    if include is not None:
        liking[include] = float("inf")
    ranked = sorted(open_keys, key=lambda key: -liking[key])
    chosen, spare = ranked[:files], ranked[files:]
    most = -(-len(pieces) // files)

    wished: dict[str, list[Piece]] = {key: [] for key in chosen}
    left: list[Piece] = []
    for piece in pieces:
        free = [
            key for key in chosen if len(wished[key]) < most and not _is_defined(piece, code[key])
        ]
        if free:
            wished[max(free, key=lambda key: _affinity(piece, code[key]))].append(piece)
        else:
            left.append(piece)

    placed: list[Placement] = []
    for key, wanted in wished.items():
        anchors = code[key].slots(len(wanted), rng)
        placed.extend(
            Placement(piece=piece, module=key, anchor=anchor)
            for piece, anchor in zip(wanted, anchors, strict=False)
        )
        left.extend(wanted[len(anchors) :])
    for piece in left:
        other = next((key for key in spare if not _is_defined(piece, code[key])), None)
        if other is None:
            raise ConfigError(f"piece {piece.id}: every module has a {piece.name} already")
        spare.remove(other)
        placed.append(Placement(piece=piece, module=other, anchor=code[other].slots(1, rng)[0]))
    return placed


def _affinity(piece: Piece, module: Module) -> int:
    text = "\n".join(piece.repaired()).lower()
    return min(3, sum(word in text for word in module.words))


def _is_defined(piece: Piece, module: Module) -> bool:
    if piece.name is None:
        return False
    heads = (f"def {piece.name}(", f"class {piece.name}(", f"class {piece.name}:")
    text = module.text()
    return any(head in text for head in heads)
