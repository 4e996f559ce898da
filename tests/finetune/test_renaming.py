"""Other names, the same code: consistent, of the same length, and never what a remark is about."""

import msgspec
import pytest
from hypothesis import given

from finetune.augment.identifiers import style_of
from finetune.augment.renaming import (
    NAMES_MEANT,
    NO_OTHER,
    NONE_OF_ITS_OWN,
    is_meant,
    rename,
    respell,
)
from postil.answer import Remark, parse_answer, render_answer
from postil.prompt import render_question
from postil.records import Pair, Window
from tests.finetune.builders import make_pair, make_window
from tests.finetune.strategies import make_code_pairs

OTHERS = make_pair(
    make_window("+count = 1", "+file_size = 2", "+def open_file():", path="app/other.py")
)


def renamed(window: Window, message: str = "", suggestion: str | None = None) -> Pair:
    """The one copy of a remark on row 1, beside a window that knows other names."""
    pair = make_pair(window, message)
    if message:
        anchor = parse_answer("R1\nx")
        assert anchor is not None
        remark = Remark(anchor=anchor.anchor, message=message, suggestion=suggestion)
        pair = msgspec.structs.replace(pair, response=render_answer(remark))
    (made, _) = rename([pair, OTHERS], 1, seed=1).made
    return made[0]


def texts(pair: Pair) -> list[str]:
    return [line.text for line in pair.window.lines] if pair.window else []


def test_rows_message_and_suggestion_follow() -> None:
    window = make_window("+user_name = read()", "+return user_name")
    copy = renamed(window, "`user_name` may be None.", "user_name = read() or 1\n")
    assert texts(copy) == ["file_size = read()", "return file_size"]
    assert copy.response == (
        "R1\n`file_size` may be None.\n```suggestion\nfile_size = read() or 1\n```"
    )
    assert copy.window and copy.instruction == render_question(copy.window)


def test_underscores_before_a_name_stay() -> None:
    assert texts(renamed(make_window("+_user_name = 1"))) == ["_file_size = 1"]


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ("The timeout should be longer.", True),
        ("Timeouts are too long here.", True),
        ("`user_timeout` may be None.", False),
        ("user_timeout may be None.", False),
        ("`user_timeout` is no timeout.", True),
        ("Why is this needed?", False),
        ("Use `timeout=5`.", True),
    ],
)
def test_a_name_stays_where_the_message_means_what_it_says(message: str, meant: bool) -> None:
    assert is_meant("user_timeout", message) == meant


def test_a_plain_word_in_the_message_may_be_no_name() -> None:
    assert is_meant("rows", "Sort rows before use.")
    assert not is_meant("rows", "Sort `rows` before use.")


@pytest.mark.parametrize(
    ("window", "message", "reason"),
    [
        (make_window("+user_name = 1"), "Please rename this.", NAMES_MEANT),
        (make_window("+user_name = 1"), "Nit: typo", NAMES_MEANT),
        (make_window("+user_name = 1"), "Why 'user' here?", NAMES_MEANT),
        (make_window("+open(path)"), "Close it.", NONE_OF_ITS_OWN),
        (make_window("+some_longer_thing = 1"), "Why?", NO_OTHER),
    ],
)
def test_what_is_left_alone_is_counted(window: Window, message: str, reason: str) -> None:
    batch = rename([make_pair(window, message), OTHERS], 1, seed=1)
    assert batch.made[0] == []
    assert reason in batch.refused


def test_a_function_that_several_files_declare_is_a_convention() -> None:
    windows = [make_window("+def Execute(self):", path=f"app/{name}.py") for name in "ab"]
    other = make_window("+def Analyze(self):", path="app/c.py")
    batch = rename([make_pair(window, "Why?") for window in (*windows, other)], 1, seed=1)
    assert batch.made == [[], [], []]


def test_names_come_from_the_same_repository_only() -> None:
    elsewhere = msgspec.structs.replace(OTHERS, repo="o/other")
    batch = rename([make_pair(make_window("+user_name = 1"), "Why?"), elsewhere], 1, seed=1)
    assert batch.made[0] == []
    assert batch.refused[NO_OTHER]


def test_names_are_exchanged_whole_and_at_once() -> None:
    assert respell("a ab b b_a", {"a": "b", "b": "a"}) == "b ab a b_a"


@given(make_code_pairs())
def test_only_names_change_and_every_row_keeps_its_length(pairs: list[Pair]) -> None:
    for pair, made in zip(pairs, rename(pairs, 2, seed=5).made, strict=True):
        for copy in made:
            assert pair.window is not None and copy.window is not None
            shape = [(line.kind, len(line.text), line.old, line.new) for line in pair.window.lines]
            assert shape == [(x.kind, len(x.text), x.old, x.new) for x in copy.window.lines]
            assert copy.window.path == pair.window.path
            assert copy.instruction == render_question(copy.window) != pair.instruction
            before, after = parse_answer(pair.response), parse_answer(copy.response)
            assert render_answer(after) == copy.response
            assert (before is None) == (after is None)
            if before and after:
                assert after.anchor == before.anchor
                assert len(after.message) == len(before.message)


@given(make_code_pairs())
def test_the_same_seed_gives_the_same_names(pairs: list[Pair]) -> None:
    assert rename(pairs, 2, seed=5) == rename(pairs, 2, seed=5)


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("rows", "lower"),
        ("user_name", "snake"),
        ("_user_name", "snake"),
        ("readRows", "camel"),
        ("RowReader", "Pascal"),
        ("MAX_SIZE", "UPPER"),
        ("Get_Rows", "mixed"),
    ],
)
def test_a_name_has_a_style(name: str, style: str) -> None:
    assert style_of(name) == style
