"""Many continuations of one question as a tree, so that it and shared beginnings are read once.

The nodes follow the question in one sequence. Each sees the question and its own ancestors only
and has the position it would have in its own text, so the scores are those of reading every
continuation apart.
"""

from collections.abc import Iterator, Sequence

import msgspec
import torch


class PrefixTree(msgspec.Struct, frozen=True, kw_only=True):
    """`tokens[i]` continues node `parents[i]` (-1: the question itself), parents before children.

    `paths[k]` holds, for each token of line k, the node that predicts it.
    """

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]

    def steps(self, lines: Sequence[Sequence[int]]) -> list[list[tuple[int, int]]]:
        """For each line its (place, token) pairs: place 0 is the question's end, i + 1 node i."""
        return [
            [(node + 1, token) for node, token in zip(path, line, strict=True)]
            for path, line in zip(self.paths, lines, strict=True)
        ]

    def wanted(self, lines: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
        """All steps of the lines the tree was grown from, each once, in order."""
        return sorted({step for steps in self.steps(lines) for step in steps})


def split_lines(lines: Sequence[Sequence[int]], most: int) -> Iterator[list[Sequence[int]]]:
    """The lines in their order, in groups of at most `most` tokens; at least one line each."""
    group: list[Sequence[int]] = []
    filled = 0
    for line in lines:
        if group and filled + len(line) > most:
            yield group
            group, filled = [], 0
        group.append(line)
        filled += len(line)
    if group:
        yield group


def grow_tree(lines: Sequence[Sequence[int]]) -> PrefixTree:
    """One node for each different beginning of the lines; their last tokens need no node."""
    nodes: dict[tuple[int, ...], int] = {}
    parents: list[int] = []
    paths: list[tuple[int, ...]] = []
    for line in lines:
        path = [-1]
        for length in range(1, len(line)):
            beginning = tuple(line[:length])
            if beginning not in nodes:
                nodes[beginning] = len(nodes)
                parents.append(path[-1])
            path.append(nodes[beginning])
        paths.append(tuple(path))
    tokens = tuple(beginning[-1] for beginning in nodes)
    return PrefixTree(tokens=tokens, parents=tuple(parents), paths=tuple(paths))


def see(tree: PrefixTree, length: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Additive mask (1, 1, T, T) and positions (1, T) of a question of `length`, then the nodes."""
    total = length + len(tree.tokens)
    seen = torch.zeros((total, total), dtype=torch.bool)
    seen[:length, :length] = torch.ones((length, length), dtype=torch.bool).tril()
    seen[length:, :length] = True
    positions = list(range(length))
    for node, parent in enumerate(tree.parents):
        row = length + node
        if parent >= 0:
            seen[row, length:] = seen[length + parent, length:]
        seen[row, row] = True
        positions.append(positions[length + parent] + 1 if parent >= 0 else length)
    mask = torch.zeros((total, total), dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)
    return mask[None, None], torch.tensor([positions])
