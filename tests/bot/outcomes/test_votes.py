"""No one person decides: whatever is voted, nobody's votes weigh more than the share."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.outcomes.tuning import tune
from bot.outcomes.votes import most_votes, weigh
from postil.records import Outcome, Verdict
from postil.settings import OutcomeSettings
from tests.bot.outcomes.builders import make_outcome

SHARES = st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.8, 1.0])
COUNTS = st.lists(st.integers(1, 60), min_size=1, max_size=12)


def votes(counts: list[int], verdict: Verdict = "passed over") -> list[Outcome]:
    """Outcomes of people who decided so many each."""
    return [
        make_outcome(number, decided_by=f"p{person}", key=f"{person}-{number}", verdict=verdict)
        for person, count in enumerate(counts)
        for number in range(count)
    ]


@given(COUNTS, SHARES)
def test_nobody_weighs_more_than_the_share(counts: list[int], share: float) -> None:
    outcomes = votes(counts)
    weights = weigh(outcomes, share)
    each: defaultdict[str, float] = defaultdict(float)
    for weight, one in zip(weights, outcomes, strict=True):
        assert 0 <= weight <= 1
        each[one.decided_by] += weight
    assert max(each.values()) <= share * sum(weights) + 1e-6


@given(COUNTS, st.integers(1, 500), SHARES.filter(lambda share: share < 1))
def test_more_votes_of_who_is_capped_change_nothing(
    counts: list[int], more: int, share: float
) -> None:
    counts = sorted(counts, reverse=True)
    most = most_votes(counts, share)
    if counts[0] > most + 1e-6:
        assert most_votes([counts[0] + more, *counts[1:]], share) == pytest.approx(most)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 30))
def test_one_person_mutes_nothing(refusals: int, rest: int, by_others: int) -> None:
    """However often one or two people refuse, a kind that others act on stays."""
    outcomes = [
        *votes([refusals, rest], "refused"),
        *(
            make_outcome(n, decided_by=f"other-{n}", key=f"o{n}", verdict="acted on")
            for n in range(by_others)
        ),
    ]
    assert tune("o/r", "one", outcomes, OutcomeSettings()).kinds == {}


def test_figures_that_can_be_checked_by_hand() -> None:
    assert most_votes([100, 5, 5], 1 / 3) == pytest.approx(5)
    assert most_votes([7, 7, 7], 1 / 3) == pytest.approx(7)
    assert most_votes([9, 9], 1 / 3) == 0
    assert most_votes([9, 3], 1.0) == 12
