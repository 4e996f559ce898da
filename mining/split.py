"""Examples -> train, validation, calibration and test, by pull request and time. Pure.

A pull request is in one part only, whole; the parts follow each other in time. What stands nearly
the same in a later part leaves the training part.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from datasketch import MinHash, MinHashLSH

from postil.records import Example, Split

SPLITS: tuple[Split, ...] = ("train", "validation", "calibration", "test")
SAME_ENOUGH = 0.9
"""Estimated Jaccard similarity of 5-token shingles from which two windows count as the same."""
SHINGLE = 5
PERMUTATIONS = 64

Moment = tuple[datetime, str, int]


def split_by_time(
    examples: Sequence[Example], shares: tuple[float, float, float, float]
) -> dict[str, Split]:
    """The part of every example id.

    The shares are of pull requests with a kept remark, in the order they were closed; the others
    fall where their time puts them. Counting all of them would leave little to train on where
    reviewing grew over the years: half of git-repo's changes drew no remark, most of those early.
    """
    order = sorted({_moment(e) for e in examples if e.kind == "remark"})
    order = order or sorted({_moment(e) for e in examples})
    ends = [round(sum(shares[: i + 1]) * len(order)) for i in range(len(shares))]
    firsts = [order[end] if end < len(order) else None for end in ends]
    return {e.id: _part(_moment(e), firsts) for e in examples}


def _moment(example: Example) -> Moment:
    return (example.decided_at, example.repo, example.pull)


def _part(moment: Moment, firsts: Sequence[Moment | None]) -> Split:
    """The first part that ends before the pull request that opens the next one."""
    for part, following in zip(SPLITS, firsts, strict=True):
        if following is None or moment < following:
            return part
    return SPLITS[-1]


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
