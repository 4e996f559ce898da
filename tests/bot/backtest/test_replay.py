"""A replay is the bot's own review, and is held against what reviewers said."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.backtest.choosing import choose_pulls
from bot.backtest.replay import files_of, replay
from bot.review import review
from postil.diff import Hunk, windows
from postil.errors import ConfigError
from postil.records import DiffLine
from tests.bot.backtest.builders import (
    BAD,
    FINE,
    HISTORY,
    RULES,
    SETTINGS,
    chosen,
    pair,
    replayed,
    words,
)
from tests.bot.stub_model import StubModel


def test_comments_and_remarks_are_held_against_each_other() -> None:
    found = [[place.agreement for place in pull.places] for pull in replayed()]
    assert found == [["line"], ["window", "alarm"], ["unclear", "missed"], []]


def test_what_is_said_is_what_the_bot_says() -> None:
    for pull, done in zip(chosen(), replayed(), strict=True):
        live = review(files_of(pull.pairs), StubModel(RULES), SETTINGS)
        said = {place.comment for place in done.places if place.comment}
        assert said == set(live.findings)
        assert (done.windows, done.held_back) == (live.windows, live.held_back)


def test_windows_are_counted_by_what_reviewers_did_there() -> None:
    counts = [(p.windows, p.remarks, p.silences, p.unclear) for p in replayed()]
    assert counts == [(2, 1, 1, 0), (2, 1, 1, 0), (2, 1, 0, 1), (1, 0, 1, 0)]


def test_no_more_is_said_than_the_settings_allow_and_the_rest_is_counted() -> None:
    many = [pair(9, f"{name}.py", *BAD) for name in "abcde"]
    (pull,) = choose_pulls(many, 1, None, {})
    done = replay(pull, StubModel(RULES), SETTINGS, words)
    assert (done.comments, done.held_back) == (3, 2)


def test_a_remark_in_a_file_that_is_not_read_is_missed_without_a_probability() -> None:
    lock = pair(9, "package-lock.json", *BAD, said="Why this?")
    (pull,) = choose_pulls([lock, pair(9, "a.py", *FINE)], 1, None, {})
    done = replay(pull, StubModel(RULES), SETTINGS, words)
    (place,) = done.places
    assert (place.agreement, place.probability, done.windows) == ("missed", None, 1)
    assert list(done.skipped) == ["package-lock.json"]


def test_the_same_lines_in_two_revisions_are_told_apart() -> None:
    first = pair(9, "a.py", *BAD, said="No printing, please.")
    second = pair(9, "a.py", " def run():", "+    print(1)", "+    return 2")
    (pull,) = choose_pulls([first, second], 1, None, {})
    done = replay(pull, StubModel(RULES), SETTINGS, words)
    assert sorted(place.agreement for place in done.places) == ["alarm", "line"]


def test_tokens_and_seconds_are_those_of_the_pull_request() -> None:
    ticks = itertools.count(0.0, 0.25)
    pull = chosen()[0]
    done = replay(pull, StubModel(RULES), SETTINGS, words, clock=lambda: next(ticks))
    questions = [one.instruction for one in pull.pairs]
    again = 2 * words([HISTORY[0].instruction])  # to choose a line, and to write
    assert done.tokens.read == words(questions) + again
    assert done.tokens.written == words(list(RULES.values()))
    assert done.seconds == 1.5  # six stages of seven: loading does not count


def test_windows_that_the_adapter_would_cut_otherwise_are_refused() -> None:
    long = pair(9, "a.py", *["+x = 1"] * 20)
    (pull,) = choose_pulls([long], 1, None, {})
    with pytest.raises(ConfigError, match="other windows than the adapter reads"):
        replay(pull, StubModel(RULES, window_lines=8), SETTINGS, words)


@given(st.lists(st.sampled_from("+- "), max_size=90), st.integers(4, 30))
def test_a_window_cut_once_is_cut_no_further(kinds: list[str], most: int) -> None:
    lines = tuple(
        DiffLine(kind=kind, text="  " * (number % 3), old=number, new=number)  # type: ignore[arg-type]
        for number, kind in enumerate(kinds, 1)
    )
    for window in windows(Hunk(path="a.py", lines=lines), most):
        again = Hunk(path="a.py", lines=window.lines)
        assert list(windows(again, most)) == [window]
