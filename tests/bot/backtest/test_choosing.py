"""Which pull requests are replayed: the newest merged ones, and none that the adapter foresaw."""

from datetime import datetime

import msgspec
import pytest

from bot.backtest.choosing import choose_pulls
from postil.errors import ConfigError
from postil.records import PullRequest
from tests.bot.backtest.builders import HISTORY, pair
from tests.finetune.builders import day


def stored(number: int, state: str) -> PullRequest:
    return PullRequest(
        repo="o/r",
        number=number,
        title=f"Change {number}",
        author="bob",
        url=f"https://example.org/o/r/pull/{number}",
        created_at=day(0),
        state=state,  # type: ignore[arg-type]
        revisions=(),
    )


def numbers(last: int, remembered: datetime | None = None) -> list[int]:
    pairs = list(reversed(HISTORY))
    return [pull.number for pull in choose_pulls(pairs, last, remembered, {})]


def test_the_last_ones_come_oldest_first_with_their_windows_in_the_order_of_the_diff() -> None:
    assert numbers(2) == [3, 4]
    assert numbers(99) == [1, 2, 3, 4]
    pull = choose_pulls(list(reversed(HISTORY)), 4, None, {})[0]
    assert [one.window.path for one in pull.pairs if one.window] == ["a.py", "b.py"]
    assert (pull.title, pull.url) == ("", "")


def test_what_the_store_knows_to_be_abandoned_is_left_out() -> None:
    known = {("o/r", 4): stored(4, "closed"), ("o/r", 3): stored(3, "merged")}
    found = choose_pulls(HISTORY, 2, None, known)
    assert [(pull.number, pull.title) for pull in found] == [(2, ""), (3, "Change 3")]


def test_only_the_test_part_and_windows_from_git_are_replayed() -> None:
    extra = (
        pair(5, "a.py", "+x", split="calibration"),
        pair(6, "a.py", "+x", located=False),
        msgspec.structs.replace(pair(7, "a.py", "+x"), window=None),
        msgspec.structs.replace(pair(8, "a.py", "+x"), decided_at=None),
    )
    assert [pull.number for pull in choose_pulls((*HISTORY, *extra), 99, None, {})] == [1, 2, 3, 4]
    with pytest.raises(ConfigError, match="no merged pull request in the test part"):
        choose_pulls(extra, 99, None, {})


def test_an_adapter_that_remembers_what_came_later_is_refused() -> None:
    assert numbers(3, remembered=day(1.5)) == [2, 3, 4]
    with pytest.raises(ConfigError, match="it knows what came after"):
        numbers(3, remembered=day(2))
