"""Past remarks by the rows they stood on: in any window, older ones only, and at the place."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.fitting import AROUND, best_place, best_remark, fit, fitting, row_likeness
from finetune.recall import LEAST_SIMILAR, IndexEntry, Recall
from finetune.remarked_rows import RemarkedRows
from finetune.ways import NEARLY, quotable
from postil.answer import Anchor, Remark
from tests.finetune.builders import day, make_window

PRINTS, RAISES, NAMES = "Log it, please.", "Raise ValueError.", "Name it in full."


def entry(message: str, row: str, when: datetime, around: str = "def work(ship):") -> IndexEntry:
    return IndexEntry(
        message=message,
        url=f"https://example.org/{message}",
        pull=when.day,
        decided_at=when,
        path="harbor/ships.py",
        language="python",
        text=f" {around}\n+    {row}\n     return ship",
        start=2,
        end=2,
    )


ENTRIES = (
    entry(PRINTS, 'print("docked", ship.name)', day(1)),
    entry(RAISES, "assert ship.draught > 0", day(2)),
    entry(NAMES, "shp = registry.find(name)", day(3)),
)
RECALL = Recall(ENTRIES)
PRINTING = make_window(
    " def warm(caches):", "+    for cache in caches:", '+        print("warmed", cache)'
)


def test_the_row_decides_and_not_the_window_around_it() -> None:
    around = make_window(" def work(ship):", "+    assert ship.draught > 0", "     return ship")
    place = Anchor(side="R", start=2, end=2)
    assert fitting(RECALL, around, place, None, 3)[0].entry.message == RAISES
    alike_but_for_the_row = make_window(
        " def work(ship):", '+    print("sunk", ship.name)', "     return ship"
    )
    assert fitting(RECALL, alike_but_for_the_row, place, None, 3)[0].entry.message == PRINTS


def test_without_a_place_it_is_the_changed_row_most_like_one_that_drew_a_remark() -> None:
    place = best_place(RECALL, PRINTING, None)
    assert place == Anchor(side="R", start=3, end=3)
    assert best_remark(RECALL, PRINTING, None) == Remark(anchor=place, message=PRINTS)
    (best,) = fitting(RECALL, PRINTING, place, None, 1)
    assert row_likeness(RECALL, PRINTING, None) == pytest.approx(best.row_similarity)


def test_only_what_is_older_is_known() -> None:
    assert best_place(RECALL, PRINTING, day(1)) is None
    assert best_remark(RECALL, PRINTING, day(1)) is None
    assert row_likeness(RECALL, PRINTING, day(1)) == 0
    assert fitting(RECALL, PRINTING, Anchor(side="R", start=3, end=3), day(1), 3) == []
    later = fitting(RECALL, PRINTING, Anchor(side="R", start=3, end=3), day(2), 3)
    assert [match.entry.message for match in later] == [PRINTS]


def test_rows_that_were_not_changed_are_no_place() -> None:
    kept = make_window('     print("docked", ship.name)', "+    ship.leave()")
    place = best_place(RECALL, kept, None)
    assert place is None or place.start == 2


def test_the_best_come_first_and_only_what_is_nearly_as_good_may_be_quoted() -> None:
    place = Anchor(side="R", start=3, end=3)
    matches = fitting(RECALL, PRINTING, place, None, 3)
    assert [fit(match) for match in matches] == sorted(map(fit, matches), reverse=True)
    assert [fitting(RECALL, PRINTING, place, None, k)[0] for k in (1, 2)] == [matches[0]] * 2
    best = fit(matches[0])
    quoted = quotable(RECALL, PRINTING, place, None)
    assert quoted and all(fit(match) >= NEARLY * best for match in quoted)
    assert all(fit(m) == m.row_similarity + AROUND * m.similarity for m in matches)


def test_what_names_the_code_it_was_made_on_gives_way_elsewhere() -> None:
    row = 'print("docked", name)'
    named = entry("`follow` should log that.", row, day(1), around="def follow(ship):")
    plain = entry(PRINTS, row, day(2), around="def moor(ship):")
    advice = entry("Use `log.info` for it.", row, day(3), around="def tow(ship):")
    recall, place = Recall((named, plain, advice)), Anchor(side="R", start=2, end=2)
    elsewhere = make_window(" def berth(ship):", f"+    {row}", "     return ship")
    there = make_window(" def follow(ship):", f"+    {row}", "     return ship")
    found = fitting(recall, elsewhere, place, None, 3)
    assert [match.strange for match in found] == [False, False, True]
    assert named not in [match.entry for match in quotable(recall, elsewhere, place, None)]
    assert fit(found[2]) < fit(found[1])
    best = fitting(recall, there, place, None, 3)[0]
    assert best.entry == named and not best.strange
    (only,) = quotable(Recall((named,)), elsewhere, place, None)
    assert only.entry == named


def test_what_is_too_unlike_never_stands_before_what_may_be_quoted() -> None:
    named = entry("`follow` should log.", "print(ship, name, port)", day(1), "def follow(ship):")
    plain = entry(PRINTS, "x = ship + port + crane + tug + berth", day(2), "def follow(ship):")
    window = make_window(" def moor(crane):", "+    log(ship, name, port, crane)", "     return 1")
    place, recall = Anchor(side="R", start=2, end=2), Recall((named, plain))
    first, second = fitting(recall, window, place, None, 2)
    assert first.strange and first.likeness >= LEAST_SIMILAR > second.likeness
    assert fit(first) < fit(second)
    assert [match.entry for match in quotable(recall, window, place, None)] == [named]


def test_the_likeness_of_a_match_is_that_of_its_rows_or_of_its_code() -> None:
    (match,) = fitting(RECALL, PRINTING, Anchor(side="R", start=3, end=3), None, 1)
    assert match.likeness == max(match.similarity, match.row_similarity)
    assert match.resemblance().similarity == match.likeness


@given(
    st.lists(st.text(alphabet="ab c(=.", max_size=12), max_size=6), st.text("ab c(=.", max_size=12)
)
def test_likeness_is_from_0_to_1_and_1_for_the_same(rows: list[str], text: str) -> None:
    index = RemarkedRows([*rows, text])
    for known in range(len(rows) + 2):
        found = index.likeness(text, known, lambda token: 1.0 + len(token))
        assert len(found) == known
        assert all(0 <= value <= 1 + 1e-9 for value in found)
    whole = index.likeness(text, len(rows) + 1, lambda token: 1.0 + len(token))
    again = RemarkedRows([text]).likeness(text, 1, lambda token: 1.0)
    assert whole[-1] == pytest.approx(float(again[0]))
    assert again[0] in (0.0, pytest.approx(1.0))
