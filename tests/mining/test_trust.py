"""Who teaches, by what rule, from when on."""

import pytest

from mining.trust import Teachers, teachers
from postil.records import Change, Review
from tests.mining.builders import day, make_change, make_pull, make_thread


def merged(by: str | None, number: int, *, association: str = "CONTRIBUTOR") -> Change:
    """A change of GitHub, merged on `day(number + 0.9)`."""
    thread = make_thread("a" * 40, 1, association=association)
    return Change(pull=make_pull(number), threads=(thread,), reviews=(), merged_by=by)


def voted(reviewer: str, vote: int, at: float, association: str = "") -> Change:
    review = Review(
        reviewer=reviewer, association=association, revision="a" * 40, at=day(at), vote=vote
    )
    return make_change(make_pull(), reviews=(review,))


def rule(known: Teachers, name: str, at: float, association: str = "NONE") -> str | None:
    return known.teaches(name, association, day(at))


@pytest.mark.parametrize("association", ["OWNER", "MEMBER", "COLLABORATOR"])
def test_an_association_with_write_access_teaches(association: str) -> None:
    assert rule(teachers([], ()), "rita", 1, association) == f"association {association}"


@pytest.mark.parametrize("association", ["CONTRIBUTOR", "FIRST_TIMER", "NONE", "", "owner"])
def test_any_other_association_teaches_nothing(association: str) -> None:
    assert rule(teachers([], ()), "rita", 1, association) is None


def test_what_the_host_says_of_write_access_outranks_the_association() -> None:
    known = teachers([], ())
    assert known.teaches("rita", "NONE", day(1), may_push=True) == "may push, as the host says"
    assert known.teaches("rita", "MEMBER", day(1), may_push=False) is None


def test_who_merged_teaches_from_then_on_and_not_before() -> None:
    known = teachers([merged("Mia", 5), merged("mia", 3)], ())
    assert rule(known, "mia", 3.8) is None
    assert rule(known, "mia", 3.9) is None, "not in the same moment"
    assert rule(known, "MIA", 4) == "had merged before"
    assert rule(known, "rita", 9) is None


def test_a_name_in_the_settings_teaches_always() -> None:
    known = teachers([], ["Rita"])
    assert rule(known, "rita", 0) == "named in [mining] trusted"


def test_on_gerrit_a_deciding_vote_teaches_and_a_smaller_one_does_not() -> None:
    changes = [voted("user-1", 2, 1), voted("user-2", -2, 2), voted("user-3", 1, 3)]
    known = teachers(changes, ())
    assert rule(known, "user-1", 1) is None
    assert rule(known, "user-1", 1.1, "") == "had voted +2 or -2 before"
    assert rule(known, "user-2", 2.1, "") == "had voted +2 or -2 before"
    assert rule(known, "user-3", 9, "") is None


def test_on_gerrit_a_submit_shows_no_power() -> None:
    change = Change(pull=make_pull(1), threads=(), reviews=(), merged_by="user-1")
    assert rule(teachers([change, voted("user-2", 2, 1)], ()), "user-1", 9, "") is None


def test_an_approval_by_a_stranger_on_github_shows_no_power() -> None:
    changes = [voted("eve", 2, 1, "NONE"), merged("mia", 2)]
    assert rule(teachers(changes, ()), "eve", 9) is None


def test_what_nobody_merged_shows_no_power() -> None:
    closed = Change(
        pull=make_pull(1, merged_at=None, state="closed"), threads=(), reviews=(), merged_by="mia"
    )
    assert rule(teachers([closed, merged(None, 2)], ()), "mia", 9) is None
