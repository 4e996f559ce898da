"""Splits by pull request and time; twins leave the training part."""

from hypothesis import given
from hypothesis import strategies as st

from mining.split import SPLITS, near_duplicates, split_by_time
from postil.records import DiffLine, Example, Window
from tests.mining.builders import day

SHARES = (0.65, 0.10, 0.10, 0.15)


def example(name: str, pull: int, text: str = "") -> Example:
    lines = tuple(
        DiffLine(kind="+", text=line, new=i)
        for i, line in enumerate((text or f"unlike {name} all others {pull}").split("\n"), 1)
    )
    return Example(
        id=name,
        kind="silence",
        window=Window(path="a.py", language="python", lines=lines),
        response="NO_COMMENT",
        repo="o/r",
        pull=pull,
        title="t",
        revision="s",
        decided_at=day(pull),
        url="u",
    )


@given(st.lists(st.integers(1, 60), min_size=1, max_size=80))
def test_a_pull_request_is_in_one_part_and_parts_follow_in_time(pulls: list[int]) -> None:
    examples = [example(f"e{i}", pull) for i, pull in enumerate(pulls)]
    part_of = split_by_time(examples, SHARES)
    parts = {pull: {part_of[e.id] for e in examples if e.pull == pull} for pull in pulls}
    assert all(len(part) == 1 for part in parts.values())
    order = [SPLITS.index(part.copy().pop()) for _, part in sorted(parts.items())]
    assert order == sorted(order)


def test_the_shares_are_of_pull_requests() -> None:
    examples = [example(f"e{i}", i) for i in range(1, 101)]
    part_of = split_by_time(examples, SHARES)
    counts = [list(part_of.values()).count(part) for part in SPLITS]
    assert counts == [65, 10, 10, 15]


def test_a_twin_of_a_later_example_leaves_the_training_part() -> None:
    text = "\n".join(f"value_{i} = compute({i}, other={i})" for i in range(12))
    examples = [example("old", 1, text), example("own", 2), example("new", 100, text + "\n# x")]
    part_of = split_by_time(examples, (0.6, 0, 0, 0.4))
    assert part_of == {"old": "train", "own": "train", "new": "test"}
    assert near_duplicates(examples, part_of) == {"old"}
