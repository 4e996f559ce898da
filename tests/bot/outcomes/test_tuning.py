"""Outcomes make a gate quieter, for reasons that can be read; nothing else follows from them."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.door.inbox import Inbox
from bot.outcomes.book import Book
from bot.outcomes.shelf import read_tuning, write_tunings
from bot.outcomes.tuned import UNTUNED, TunedKind, Tuning
from bot.outcomes.tuning import recent, tune
from postil.errors import AdapterError
from postil.records import Outcome, Resemblance, Verdict
from postil.settings import OutcomeSettings
from tests.bot.outcomes.builders import MESSAGE, make_outcome
from tests.mining.builders import day

SETTINGS = OutcomeSettings()
PAST = "https://example.org/o/r/pull/3#r9"


def some(count: int, acted: int, **more: Any) -> list[Outcome]:
    """Outcomes of four people, the first of them acted on."""
    return [
        make_outcome(
            n,
            key=f"{more.get('category', '')}{n}",
            verdict="acted on" if n < acted else "refused",
            **more,
        )
        for n in range(count)
    ]


def test_a_kind_that_stays_under_the_bar_is_muted_with_the_reason() -> None:
    tuning = tune("o/r", "one", some(40, 1), SETTINGS)
    assert tuning.kinds == {
        "naming": TunedKind(
            threshold=None,
            reason="muted: remarks of the kind naming were acted on in 2% of 40 votes"
            " (at most 13%; the bar is 20%)",
        )
    }
    assert tuning.silences(MESSAGE, 0.99).startswith("muted: remarks of the kind naming")
    assert tuning.silences("This leaks memory when it fails.", 0.1) == ""


def test_too_few_votes_change_nothing() -> None:
    assert tune("o/r", "one", some(19, 0), SETTINGS).kinds == {}
    assert tune("o/r", "one", some(40, 0, decided_by="mia"), SETTINGS).kinds == {}


def test_a_kind_that_is_acted_on_often_enough_is_left_alone() -> None:
    assert tune("o/r", "one", some(40, 8), SETTINGS).kinds == {}


def test_where_only_sure_remarks_are_acted_on_the_threshold_rises() -> None:
    sure = [
        make_outcome(n, key=f"s{n}", score=0.9, verdict="acted on" if n < 5 else "refused")
        for n in range(12)
    ]
    unsure = [make_outcome(n, key=f"u{n}", score=0.6, verdict="refused") for n in range(24)]
    tuned = tune("o/r", "one", [*sure, *unsure], SETTINGS).kinds["naming"]
    assert tuned.threshold == pytest.approx(0.75)
    assert tuned.reason.startswith("only from 0.75 on: remarks of the kind naming")
    tuning = Tuning(repo="o/r", adapter="one", kinds={"naming": tuned})
    assert tuning.silences(MESSAGE, 0.7) == tuned.reason
    assert tuning.silences(MESSAGE, 0.8) == ""


@pytest.mark.parametrize("more", [{"said_by": "shadow"}, {"said_by": "person"}, {"adapter": "two"}])
def test_only_what_this_adapter_said_counts(more: dict[str, Any]) -> None:
    assert tune("o/r", "one", some(40, 0, **more), SETTINGS).kinds == {}


def test_the_age_of_an_outcome_is_told_by_the_host_and_not_by_our_clock() -> None:
    old = some(40, 0, closed_at=day(0))
    assert "naming" in tune("o/r", "one", old, SETTINGS).kinds
    newer = make_outcome(1, key="new", category="style", closed_at=day(200))
    assert tune("o/r", "one", [*old, newer], SETTINGS).kinds == {}
    assert recent([], 1) == []
    assert recent([*old, newer], 200) == [*old, newer]


def test_a_past_remark_that_several_people_refused_is_not_said_again() -> None:
    twice = [make_outcome(n, key=str(n), echoes=PAST, verdict="refused") for n in (1, 2)]
    tuning = tune("o/r", "one", twice, SETTINGS)
    past = (Resemblance(url=PAST, similarity=0.8),)
    assert (
        tuning.silences(MESSAGE, 0.9, past) == f"refused by 2 people when it was said again: {PAST}"
    )
    assert tuning.silences(MESSAGE, 0.9) == ""
    assert tune("o/r", "one", twice[:1], SETTINGS).vetoed == {}
    same = [msgspec.structs.replace(one, decided_by="mia") for one in twice]
    assert tune("o/r", "one", same, SETTINGS).vetoed == {}
    heeded = make_outcome(3, key="3", echoes=PAST, verdict="acted on")
    assert tune("o/r", "one", [*twice, heeded], SETTINGS).vetoed == {}


VERDICTS = st.sampled_from(["acted on", "refused", "passed over", "not merged"])
OUTCOMES = st.lists(
    st.builds(
        lambda n, verdict, score, who, kind: make_outcome(
            n, key=str(n), verdict=verdict, score=score, decided_by=f"p{who}", category=kind
        ),
        st.integers(0, 300),
        VERDICTS,
        st.floats(0, 1),
        st.integers(0, 5),
        st.sampled_from(["naming", "style"]),
    ),
    max_size=120,
    unique_by=lambda one: one.key,
)


@given(OUTCOMES, st.floats(0, 1))
def test_outcomes_only_ever_make_it_quieter(outcomes: list[Outcome], score: float) -> None:
    tuning = tune("o/r", "one", outcomes, SETTINGS)
    assert tune("o/r", "one", outcomes, SETTINGS) == tuning
    for tuned in tuning.kinds.values():
        assert tuned.threshold is None or 0 <= tuned.threshold <= 1
    assert UNTUNED.silences(MESSAGE, score) == ""


def test_tunings_are_kept_and_read_again(tmp_path: Path) -> None:
    verdict: Verdict = "refused"
    with closing(Inbox(f"sqlite:///{tmp_path / 'inbox.db'}")) as inbox:
        book = Book(inbox.database)
        for one in some(40, 1):
            book.put("o/r", one.pull, one.closed_at.timestamp(), [one])
        (made,) = write_tunings(tmp_path, "o/r", book, SETTINGS)
        assert read_tuning(tmp_path, "o/r", "one") == made
        assert read_tuning(tmp_path, "o/r", "two").kinds == {}
        assert read_tuning(tmp_path, "o/else", "one").kinds == {}
        write_tunings(tmp_path, "o/r", book, OutcomeSettings(tune=False))
        assert read_tuning(tmp_path, "o/r", "one").kinds == {}
        outside = make_outcome(99, key="x", adapter="../../evil", verdict=verdict)
        book.put("o/r", 99, (outside.closed_at + timedelta(days=1)).timestamp(), [outside])
        assert [one.adapter for one in write_tunings(tmp_path, "o/r", book, SETTINGS)] == ["one"]
    assert read_tuning(tmp_path, "../..", "one") == Tuning(repo="../..", adapter="one")


def test_a_damaged_tuning_stops_reviews_with_one_line(tmp_path: Path) -> None:
    path = tmp_path / "tuning" / "o" / "r" / "one.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(AdapterError, match="remove it, the next judgement makes it anew"):
        read_tuning(tmp_path, "o/r", "one")
