"""The checker of histories finds what it is there to find."""

from tests.bot.history import check

REVIEW = {"commit_id": "a"}


def test_a_clean_history_has_nothing_lost_and_nothing_doubled() -> None:
    verdict = check([1, 2], {1: "posted", 2: "posted"}, {1: [REVIEW], 2: [REVIEW]})
    assert (verdict.reviewed, verdict.lost, verdict.doubled) == (2, (), ())


def test_what_is_missing_or_there_twice_is_named() -> None:
    reviews = {1: [REVIEW, REVIEW], 2: [], 3: [], 4: [REVIEW, {"commit_id": "b"}]}
    states = {1: "posted", 2: "posted", 3: "dead", 4: "posted"}
    verdict = check([1, 2, 3, 4], states, reviews)
    assert (verdict.lost, verdict.doubled, verdict.given_up) == ((2,), (1,), 1)


def test_a_review_nobody_asked_for_counts_when_it_is_doubled() -> None:
    assert check([], {}, {9: [REVIEW, REVIEW]}).doubled == (9,)
