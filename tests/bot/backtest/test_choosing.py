"""Which pull requests are replayed: the newest merged ones, and none that the adapter foresaw."""

from datetime import datetime

import msgspec
import pytest

from bot.backtest.choosing import choose_pulls
from postil.errors import ConfigError
from postil.records import Change, ReviewThread
from tests.bot.backtest.builders import HISTORY, pair
from tests.finetune.builders import day
from tests.mining.builders import make_change, make_pull, make_thread


def stored(number: int, state: str, *threads: ReviewThread) -> Change:
    pull = make_pull(number, title=f"Change {number}", author="bob", state=state)
    return make_change(pull, *threads)


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


def test_what_else_reviewers_said_is_shown_without_names_and_secrets() -> None:
    taught = next(one for one in HISTORY if one.pull == 1 and one.kind == "remark")
    threads = (
        make_thread("a", 3, body="Not heeded, @carol.", url="https://example.org/x"),
        make_thread("a", 4, body="Of the author.", author="bob"),
        make_thread("a", 5, body="Of a bot.", author_kind="bot"),
        make_thread("a", 6, body="Accepted.", url=taught.url),
        make_thread("a", 7, body="Use AKIA" + "QYLPMN5HHHFPZAM2 here."),
    )
    (pull,) = choose_pulls(HISTORY[:2], 1, None, {("o/r", 1): stored(1, "merged", *threads)})
    (aside,) = pull.asides
    assert (aside.path, aside.line, aside.url) == ("a.py", 3, "https://example.org/x")
    assert aside.message.startswith("Not heeded,") and "carol" not in aside.message
