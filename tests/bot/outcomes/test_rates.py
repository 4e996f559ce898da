"""Rates with intervals, and how they read."""

import pytest

from bot.outcomes.page import render_stats
from bot.outcomes.rates import add_up, folder_of, rate
from postil.records import Verdict
from tests.bot.outcomes.builders import make_outcome
from tests.mining.builders import day

VERDICTS: tuple[Verdict, ...] = ("acted on", "acted on", "refused", "passed over", "not merged")


def test_what_was_not_merged_is_in_no_rate() -> None:
    found = rate("all", [make_outcome(n, verdict=v) for n, v in enumerate(VERDICTS)])
    assert (found.acted, found.of, found.refused) == (2, 4, 1)
    assert rate("none", []).value is None


def test_people_count_only_where_we_spoke() -> None:
    ours = make_outcome(1, verdict="acted on")
    beside = make_outcome(1, said_by="person", key="t", adapter="", verdict="passed over")
    elsewhere = make_outcome(2, said_by="person", key="t", adapter="", verdict="acted on")
    stats = add_up([ours, beside, elsewhere, make_outcome(3, said_by="shadow")])
    assert (stats.ours.of, stats.people.of, stats.people.acted, stats.shadow.of) == (1, 1, 0, 1)


def test_the_text_names_every_group() -> None:
    outcomes = [
        make_outcome(n, verdict=v, path=f"src/api/{n}.py", closed_at=day(20 * n))
        for n, v in enumerate(VERDICTS)
    ]
    outcomes.append(make_outcome(1, said_by="person", key="t", adapter="", verdict="acted on"))
    text = render_stats("o/r", add_up(outcomes))
    for said in ("Postil", "50% (15% to 85%; 2 of 4, 1 refused)", "naming", "src/api/…", "2024-02"):
        assert said in text
    assert "1 more stood on pull requests that were not merged" in text


@pytest.mark.parametrize(
    ("path", "folder"),
    [("a.py", "a.py"), ("src/a.py", "src/a.py"), ("src/api/v1/a.py", "src/api/…")],
)
def test_paths_are_put_together_by_folder(path: str, folder: str) -> None:
    assert folder_of(path) == folder
