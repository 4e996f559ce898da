"""A remark that names what its window holds is told from others without a model."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from finetune.evaluation.choices import (
    WordsInCommon,
    choose_by_retrieval,
    choose_by_rows,
    choose_by_words,
)
from finetune.evaluation.plan import Question
from finetune.recall import IndexEntry, Recall, index_entries
from postil.answer import Anchor, Remark
from postil.records import Pair
from tests.finetune.builders import day, make_pair, make_window

ANCHOR = Anchor(side="R", start=1, end=1)


def past(number: int, message: str, *rows: str) -> Pair:
    return make_pair(make_window(*rows), message, pull=number, decided_at=day(number))


HISTORY = [
    past(1, "Name the exception you expect.", "+try:", "+except:"),
    past(2, "Use the logger here.", "+print(total)"),
    past(3, "Sort these imports.", "+import os", "+import abc"),
]


def question(*rows: str, choices: tuple[str, ...], when: datetime | None = None) -> Question:
    pair = make_pair(make_window(*rows), choices[0], pull=9, decided_at=when or day(9))
    return Question(pair=pair, human=Remark(anchor=ANCHOR, message=choices[0]), choices=choices)


ENTRIES: list[IndexEntry] = index_entries(HISTORY)


def test_names_of_the_window_speak_for_a_remark() -> None:
    asked = question(
        "+retry_limit = 3",
        choices=("retry_limit should be a setting", "Add a period.", "Use x here", "Why?"),
    )
    (scores,) = choose_by_words(Recall(ENTRIES), [asked])
    assert max(scores) == scores[0] > 0


def test_names_on_the_anchored_row_count_more_than_elsewhere() -> None:
    words, window = WordsInCommon(ENTRIES), make_window("+first_name = 1", "+second_name = 2")
    on_it = words.score("rename first_name", window, ANCHOR)
    beside = words.score("rename second_name", window, ANCHOR)
    assert on_it > beside > words.score("rename third_thing", window, ANCHOR)


def test_words_that_every_window_holds_say_nothing_for_this_one() -> None:
    entries = index_entries([past(n, "x", "+def run(self):") for n in range(1, 6)])
    score = WordsInCommon(entries).score("def run self", make_window("+def run(self):"), ANCHOR)
    assert abs(score) < 1e-9


def test_retrieval_takes_what_was_said_of_similar_code() -> None:
    asked = question(
        "+try:",
        "+except:",
        choices=("Name the exception.", "Use the logger.", "Sort imports.", "Add a test."),
    )
    (scores,) = choose_by_retrieval(Recall(ENTRIES), [asked])
    assert max(scores) == scores[0]


def test_by_rows_counts_the_remarked_row_and_not_the_window_around_it() -> None:
    around = ("+a = 1", "+b = 2", "+c = 3", "+d = 4")
    history = index_entries(
        [past(1, "Name the exception.", "+except:"), past(2, "Use the logger.", *around)]
    )
    options = ("Name the exception.", "Use the logger.", "Sort imports.", "Add a test.")
    asked = question("+except:", *around, choices=options)
    (by_rows,) = choose_by_rows(Recall(history), [asked])
    (by_windows,) = choose_by_retrieval(Recall(history), [asked])
    assert max(by_rows) == by_rows[0]
    assert max(by_windows) == by_windows[1]


def test_nothing_older_or_nothing_to_choose_is_no_choice() -> None:
    options = ("a b", "c d", "e f", "g h")
    early = question("+except:", choices=options, when=day(0))
    none = Question(pair=early.pair, human=early.human, choices=())
    assert choose_by_retrieval(Recall(ENTRIES), [early, none]) == [(0.0,) * 4, ()]
    assert choose_by_rows(Recall(ENTRIES), [early, none]) == [(0.0,) * 4, ()]
    assert choose_by_words(Recall([]), [none]) == [()]
    assert choose_by_words(Recall([]), [early]) == [(0.0,) * 4]


@given(st.text(max_size=60))
def test_any_message_has_a_finite_score(message: str) -> None:
    score = WordsInCommon(ENTRIES).score(message, make_window("+x = 1"), ANCHOR)
    assert -1e6 < score < 1e6
