"""Examples -> train, validation, calibration and test, by pull request and time. Pure.

A pull request is in one part only, whole; the parts follow each other in time. What stands nearly
the same in a later part leaves the training part.
"""

from collections.abc import Iterable, Sequence

from datasketch import MinHash, MinHashLSH

from postil.records import Example, Split

SPLITS: tuple[Split, ...] = ("train", "validation", "calibration", "test")
SAME_ENOUGH = 0.9
"""Estimated Jaccard similarity of 5-token shingles from which two windows count as the same."""
SHINGLE = 5
PERMUTATIONS = 64


def split_by_time(
    examples: Sequence[Example], shares: tuple[float, float, float, float]
) -> dict[str, Split]:
    """The part of every example id; shares are of pull requests, in the order they were closed."""
    order = sorted({(e.decided_at, e.repo, e.pull) for e in examples})
    part_of: dict[tuple[str, int], Split] = {}
    bounds = [sum(shares[: i + 1]) * len(order) for i in range(len(shares))]
    for place, (_, repo, pull) in enumerate(order):
        ahead = [s for s, bound in zip(SPLITS, bounds, strict=True) if place < bound]
        part: Split = ahead[0] if ahead else "test"
        part_of[repo, pull] = part
    return {e.id: part_of[e.repo, e.pull] for e in examples}


def near_duplicates(examples: Sequence[Example], part_of: dict[str, Split]) -> set[str]:
    """Ids of training examples that stand nearly the same in a later part."""
    index = MinHashLSH(threshold=SAME_ENOUGH, num_perm=PERMUTATIONS)
    for example in examples:
        if part_of[example.id] != "train":
            index.insert(example.id, _signature(example), check_duplication=False)
    return {
        example.id
        for example in examples
        if part_of[example.id] == "train" and index.query(_signature(example))
    }


def _signature(example: Example) -> MinHash:
    signature = MinHash(num_perm=PERMUTATIONS)
    signature.update_batch([shingle.encode() for shingle in _shingles(example)])
    return signature


def _shingles(example: Example) -> Iterable[str]:
    lines = example.window.lines
    words = [word for line in lines for word in (line.kind, *line.text.split())]
    words += example.response.split("\n", 1)[-1].split()
    return {" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}
