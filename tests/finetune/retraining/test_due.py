"""When a run is due, and when too little is new for one."""

from datetime import timedelta

import pytest

from finetune.retraining.due import is_due, set_back, too_few
from finetune.retraining.ledger import Past, Tried
from tests.finetune.builders import day

WEEK_S = 7 * 86400.0


def tried(at: float, failed: bool = False) -> Tried:
    return Tried(at=day(at), failed=failed)


def past(wishes: str = "w") -> Past:
    return Past(
        repo="o/r",
        begun_at=day(1),
        ended_at=day(2),
        outcome="promoted",
        detail="",
        candidate="one",
        live="",
        new_remarks=60,
        store="s",
        wishes=wishes,
        cpu_s=1.0,
    )


def test_a_run_is_due_after_its_time_and_at_the_very_first() -> None:
    assert is_due(None, WEEK_S, day(0))
    assert not is_due(tried(0), WEEK_S, day(6.9))
    assert is_due(tried(0), WEEK_S, day(7))


def test_many_missed_times_are_made_up_for_by_one_run() -> None:
    assert is_due(tried(0), WEEK_S, day(70))
    assert not is_due(tried(70), WEEK_S, day(70.1))


def test_a_run_that_failed_is_tried_again_after_an_hour() -> None:
    failed = tried(0, failed=True)
    assert not is_due(failed, WEEK_S, day(0) + timedelta(minutes=59))
    assert is_due(failed, WEEK_S, day(0) + timedelta(hours=1))
    assert is_due(failed, 60.0, day(0) + timedelta(minutes=1)), "or sooner, if it runs more often"


def test_a_clock_that_was_set_back_makes_nothing_due_and_is_seen() -> None:
    assert not is_due(tried(300), WEEK_S, day(0))
    assert set_back(tried(300), day(0))
    assert not set_back(tried(0), day(0)) and not set_back(None, day(0))


@pytest.mark.parametrize(("new", "missing"), [(49, "1 are missing"), (0, "50 are missing")])
def test_too_few_are_said_by_number(new: int, missing: str) -> None:
    said = too_few(new, 50, past(), "w")
    assert f"{new} of 50 new accepted remarks since the run of 2024-01-03" in said
    assert missing in said


def test_enough_a_first_run_and_other_settings_are_reason_to_run() -> None:
    assert too_few(50, 50, past(), "w") == ""
    assert too_few(0, 50, None, "w") == ""
    assert too_few(0, 50, past("others"), "w") == ""
