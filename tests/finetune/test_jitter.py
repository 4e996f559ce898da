"""Fewer rows around a remark: the anchor stays on its row, and the shape tells no label."""

import random
from collections import Counter

from hypothesis import given

from finetune.augment.jitter import LEAST, MOST, NEAR, NOTHING_TO_DROP, jitter, possible_cuts
from postil.answer import parse_answer, render_answer
from postil.prompt import render_question
from postil.records import Pair
from tests.finetune.builders import make_pair, make_window
from tests.finetune.strategies import make_code_pairs

LONG = make_window(
    *[f" kept_{n}()" for n in range(3)], "+x = 1", *[f" after_{n}" for n in range(3)]
)


def test_the_anchor_counts_anew() -> None:
    pair = make_pair(LONG, "Name it.", 4)
    made = jitter([pair], 8, seed=1).made[0]
    assert {copy.response for copy in made} == {"R4\nName it.", "R3\nName it."}
    for copy in made:
        assert copy.window and copy.window.lines[int(copy.response[1]) - 1].text == "x = 1"
    assert len({copy.instruction for copy in made}) == len(made) == 3


def test_nothing_goes_where_all_is_near_the_anchor() -> None:
    batch = jitter([make_pair(make_window(" a", " b", "+c", " d", " e"), "Why?", 3)], 2, seed=1)
    assert batch.made == [[]]
    assert batch.refused == {NOTHING_TO_DROP: 2}


def test_kept_rows_go_before_changed_ones() -> None:
    lines = make_window(" a", "+b", "+c", "+d", "+e", "+f", "+g", "+h", "+i").lines
    assert possible_cuts(lines, 5, 5) == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


@given(make_code_pairs())
def test_copies_lose_rows_at_the_ends_and_never_those_of_the_anchor(pairs: list[Pair]) -> None:
    for pair, made in zip(pairs, jitter(pairs, 2, seed=5).made, strict=True):
        for copy in made:
            assert pair.window is not None and copy.window is not None
            rows, left = pair.window.lines, copy.window.lines
            top = next(at for at in range(MOST + 1) if rows[at : at + len(left)] == left)
            assert LEAST <= len(left) < len(rows) <= len(left) + 2 * MOST
            assert any(line.kind != " " for line in left)
            assert copy.instruction == render_question(copy.window)
            before, after = parse_answer(pair.response), parse_answer(copy.response)
            assert render_answer(after) == copy.response
            if before and after:
                assert after.anchor.start == before.anchor.start - top
                assert (
                    after.anchor.end - after.anchor.start == before.anchor.end - before.anchor.start
                )
                assert (after.message, after.suggestion) == (before.message, before.suggestion)
                assert after.anchor.start > NEAR or top == 0


@given(make_code_pairs())
def test_the_same_seed_gives_the_same_copies(pairs: list[Pair]) -> None:
    assert jitter(pairs, 2, seed=5) == jitter(pairs, 2, seed=5)


def test_what_was_cut_does_not_tell_a_silence_from_a_remark() -> None:
    """Windows of the same shapes; remarks stand on the first changed rows, as people's often do."""
    draw, pairs = random.Random(2), []
    for number in range(1500):
        changed = draw.randint(1, 12)
        window = make_window(
            " a", " b", " c", *[f"+x = {number}"] * changed, " d", " e", " f", path=f"{number}.py"
        )
        row = 3 + min(changed, draw.choice((1, 1, 1, 2, 5)))
        pairs.append(make_pair(window, "Why?" if number % 2 else "", row))
    cut: dict[str, Counter[tuple[int, int]]] = {"remark": Counter(), "silence": Counter()}
    batch = jitter(pairs, 1, seed=7)
    for pair, made in zip(pairs, batch.made, strict=True):
        for copy in made:
            texts = [line.text for line in copy.window.lines] if copy.window else []
            cut[pair.kind][("abc".find(texts[0]), "fed".find(texts[-1]))] += 1
    counts = [counter.total() for counter in cut.values()]
    assert counts[0] == counts[1] > 600
    for way in cut["remark"] | cut["silence"]:
        shares = [counter[way] / counter.total() for counter in cut.values()]
        assert abs(shares[0] - shares[1]) < 0.05, (way, shares)
