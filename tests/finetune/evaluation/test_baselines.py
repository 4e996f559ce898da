"""Remarks that cost nothing come from the training part, and are the same every time."""

import msgspec

from finetune.evaluation.baselines import GATES, constant_remark, random_remark, retrieved_remark
from finetune.feature_names import CHEAP, SPEAK
from finetune.recall import Recall, index_entries
from postil.answer import Anchor
from tests.finetune.builders import day, make_pair, make_team, make_window

ENTRIES = index_entries(make_team())
NEW = make_pair(
    make_window(" def run(rows):", "+    try:", "+    except:", path="app/9.py"),
    decided_at=day(99),
)


def test_no_baseline_gate_asks_a_model() -> None:
    for baseline in GATES:
        assert SPEAK not in baseline.features
        assert set(baseline.features) <= set(CHEAP)
        assert set(baseline.alone) <= set(baseline.features)


def test_the_constant_is_the_remark_most_like_all_others() -> None:
    odd = msgspec.structs.replace(ENTRIES[0], message="Quux zyx?")
    assert constant_remark([odd, odd, *ENTRIES]) in {entry.message for entry in ENTRIES}
    assert constant_remark([]) == ""


def test_the_random_remark_differs_by_pair_and_seed_but_not_by_run() -> None:
    pairs = make_team()[:40]
    drawn = [random_remark(ENTRIES, pair) for pair in pairs]
    assert drawn == [random_remark(ENTRIES, pair) for pair in pairs]
    assert len(set(drawn)) > 1
    assert drawn != [random_remark(ENTRIES, pair, seed=8) for pair in pairs]
    assert random_remark([], pairs[0]) == ""


def test_retrieval_says_what_was_said_on_the_most_similar_code_at_its_row() -> None:
    found = retrieved_remark(Recall(ENTRIES), NEW)
    assert found is not None
    assert found.message.startswith("Name the exception")
    assert found.anchor == Anchor(side="R", start=3, end=3)


def test_retrieval_knows_nothing_of_later_remarks() -> None:
    early = msgspec.structs.replace(NEW, decided_at=day(0))
    assert retrieved_remark(Recall(ENTRIES), early) is None
