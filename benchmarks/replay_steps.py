"""The steps of a replay, and the rows that are measured of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec.structs import replace

from finetune.evaluation.metrics import Interval
from mining.pairs import to_pairs
from postil.records import Example, Pair, Record
from postil.settings import MiningSettings, TrainSettings

PAST = (0.8, 0.1, 0.1)
"""Training, early stopping and calibration, of what was decided before a step."""


class Asked(Record, frozen=True, kw_only=True):
    """What a row is of; the same is measured once."""

    repo: str
    train: TrainSettings
    steps: int
    least: int
    pairs: int
    silences: int
    questions: int


class Figures(Record, frozen=True, kw_only=True):
    """Of one way, on one step."""

    auc: Interval
    four_way: Interval


class Row(Record, frozen=True, kw_only=True):
    """One step: what was trained before it, and what each way found in it."""

    date: str
    machine: str
    asked: Asked
    number: int
    begins: datetime
    ends: datetime
    adapter: str
    trained_on: int
    remarks: int
    retrained: Figures
    once: Figures
    retrieval: Figures
    size: Figures
    """Size alone: a gate that knows nothing else."""
    cpu_train_s: float
    cpu_measure_s: float


class Step(Record, frozen=True, kw_only=True):
    """The pairs of everything up to the end of a step; the step itself is their test part."""

    number: int
    begins: datetime
    ends: datetime
    pairs: tuple[Pair, ...]


def cut_steps(
    examples: Sequence[Example], settings: MiningSettings, least: int, most: int
) -> Iterator[Step]:
    """The last steps of a history, oldest first, each of whole pull requests with at least so many
    accepted remarks; what comes before the first is its past, and as long as a step at least."""
    order = sorted(
        {(e.decided_at, e.repo, e.pull) for e in examples if e.kind == "remark"}, reverse=True
    )
    counts = dict.fromkeys(order, 0)
    for example in examples:
        if example.kind == "remark":
            counts[example.decided_at, example.repo, example.pull] += 1
    ends, sizes, taken, size = [0], list[int](), 0, 0
    for at, moment in enumerate(order, 1):
        taken, size = taken + counts[moment], size + 1
        if taken >= least:
            ends, sizes, taken, size = [*ends, at], [*sizes, size], 0, 0
    whole = max(0, min(most, len(sizes) - 1))
    for number in range(1, whole + 1):
        last = whole - number
        newest, oldest = order[ends[last]], order[ends[last + 1] - 1]
        known = [e for e in examples if (e.decided_at, e.repo, e.pull) <= newest]
        before = sum(moment < oldest for moment in order)
        total = before + sizes[last]
        past = [share * before / total for share in PAST]
        shares = (past[0], past[1], past[2], 1 - sum(past))
        pairs, _ = to_pairs(known, replace(settings, shares=shares))
        yield Step(number=number, begins=oldest[0], ends=newest[0], pairs=tuple(pairs))
