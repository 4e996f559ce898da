"""The interval of a share is that of the books, and holds it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finetune.shares import wilson


def test_wilsons_interval_is_that_of_the_books() -> None:
    """Newcombe 1998, table I: 81 of 263, and none of 20."""
    assert wilson(81, 263, 1.96) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20, 1.96) == pytest.approx((0.0, 0.1611), abs=1e-4)


@example(0, 114, 1.96)
@given(st.integers(0, 200), st.integers(1, 200), st.floats(0.0, 4.0))
def test_an_interval_holds_its_share(hits: int, more: int, errors: float) -> None:
    of = hits + more
    low, high = wilson(hits, of, errors)
    assert 0 <= low <= hits / of <= high <= 1
