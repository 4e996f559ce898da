"""Figures on some of the remarks are those of these remarks, and few of them say nothing."""

from collections.abc import Sequence

from msgspec.structs import replace

from finetune.categories import categorize
from finetune.evaluation.scorecard import Slice
from finetune.evaluation.slices import LEAST_REMARKS, most_frequent_author
from postil.answer import remark_text
from postil.records import Pair
from tests.finetune.builders import make_team
from tests.finetune.evaluation.test_evaluate import evaluate

TEAM = make_team(120)


def of_kind(slices: Sequence[Slice], kind: str) -> dict[str, Slice]:
    return {one.name: one for one in slices if one.kind == kind}


def signed(pairs: list[Pair], bob: str) -> list[Pair]:
    """Whoever spoke of the logger is called `bob`."""
    return [
        replace(pair, author=bob if "logger" in pair.response else pair.author) for pair in pairs
    ]


def test_reviewers_split_the_remarks_and_share_the_silences() -> None:
    pairs = signed(TEAM, "bob")
    author = most_frequent_author(pairs)
    card = evaluate(pairs)
    found = of_kind(card.slices, "reviewer")
    first, others = found["the most frequent reviewer"], found["everybody else"]
    assert first.remarks + others.remarks == card.counts.remarks
    assert first.silences == others.silences == card.counts.silences
    theirs = [p for p in pairs if (p.split, p.kind, p.author) == ("test", "remark", author)]
    assert first.remarks == len(theirs)
    assert first.auc.value == others.auc.value == 1.0
    assert first.four_way_count + others.four_way_count == card.four_way_count
    assert author not in repr(card.slices)


def test_where_one_person_teaches_there_is_nobody_to_leave_out() -> None:
    assert most_frequent_author(TEAM) == ""
    assert of_kind(evaluate(TEAM).slices, "reviewer") == {}


def test_languages_stand_against_silences_of_their_own() -> None:
    card = evaluate(TEAM)
    ((name, python),) = of_kind(card.slices, "language").items()
    assert name == "python"
    assert (python.remarks, python.silences) == (card.counts.remarks, card.counts.silences)
    assert python.auc == card.system("adapter").auc


def test_categories_are_those_of_the_words_and_small_ones_are_left_out() -> None:
    card = evaluate(TEAM)
    remarks = [p for p in TEAM if (p.split, p.kind) == ("test", "remark")]
    kinds = [categorize(remark_text(pair.response)) for pair in remarks]
    expected = {kind: kinds.count(kind) for kind in kinds if kinds.count(kind) >= LEAST_REMARKS}
    found = of_kind(card.slices, "category")
    assert {name: one.remarks for name, one in found.items()} == expected
