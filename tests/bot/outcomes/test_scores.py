"""Counts of probabilities, and how far two of them lie apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.outcomes.scores import BINS, EDGES, add_counts, count_scores, stability

COUNTS = st.lists(st.integers(0, 1000), min_size=BINS, max_size=BINS)


def test_every_probability_is_in_one_bin() -> None:
    assert count_scores([0.0, *EDGES, 1.0]) == (1, 1, 1, 1, 1, 1, 1, 1, 1, 2)
    assert count_scores([]) == (0,) * BINS


@given(COUNTS, COUNTS)
def test_the_index_is_nothing_for_the_same_and_never_less(a: list[int], b: list[int]) -> None:
    assert stability(a, a) == 0
    assert stability(a, b) >= 0
    assert stability(a, b) == pytest.approx(stability(b, a))


def test_a_large_shift_is_over_a_quarter() -> None:
    before = count_scores([0.01] * 900 + [0.6] * 100)
    assert stability(before, count_scores([0.01] * 880 + [0.6] * 120)) < 0.1
    assert stability(before, count_scores([0.01] * 600 + [0.6] * 400)) > 0.25


def test_counts_of_other_bins_are_left_out() -> None:
    assert add_counts([(), (1,) * BINS, (2,) * BINS]) == (3,) * BINS
    assert add_counts([]) == (0,) * BINS
