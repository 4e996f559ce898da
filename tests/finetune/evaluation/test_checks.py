"""Overlapping parts are refused by name; few remarks or one class only are said, not refused."""

import msgspec
import pytest

from finetune.evaluation.checks import check_parts
from finetune.evaluation.scorecard import Scorecard
from finetune.evaluation.slices import LEAST_REMARKS
from postil.errors import ConfigError
from postil.records import Pair
from tests.finetune.builders import make_team
from tests.finetune.evaluation.test_evaluate import evaluate, rendered

TEAM = make_team(40)
LATE = [pair for pair in TEAM if pair.split == "test"]
BEFORE = [pair for pair in TEAM if pair.split != "test"]


def test_an_id_that_comes_twice_is_named() -> None:
    with pytest.raises(ConfigError, match=f"pair {LATE[0].id} is there 2 times"):
        evaluate([*TEAM, LATE[0]])


@pytest.mark.parametrize("part", ["train", "validation", "calibration"])
def test_a_test_pull_request_that_also_teaches_is_named(part: str) -> None:
    leaked = msgspec.structs.replace(LATE[0], id="leak", split=part)
    with pytest.raises(ConfigError, match=rf"o/r#{leaked.pull} is in the test part and in the"):
        check_parts([*TEAM, leaked])


def test_pairs_from_elsewhere_that_know_no_pull_request_are_no_overlap() -> None:
    elsewhere = [Pair(id=str(n), instruction="ask", response="answer") for n in range(3)]
    check_parts([*elsewhere, msgspec.structs.replace(elsewhere[0], id="late", split="test")])


def test_a_test_part_without_remarks_is_measured_as_far_as_it_goes() -> None:
    card = evaluate([*BEFORE, *(pair for pair in LATE if pair.kind == "silence")])
    assert card.system("adapter").auc.value is None
    assert card.system("adapter").calibration is None
    assert card.system("adapter").curve == ()
    assert card.engine("adapter").perplexity.value is None
    assert card.engine("adapter").byte_perplexity.value is None
    assert card.slices == ()
    assert "no remark among them" in rendered(card)


def test_a_test_part_of_remarks_alone_is_measured_as_far_as_it_goes() -> None:
    card = evaluate([*BEFORE, *(pair for pair in LATE if pair.kind == "remark")])
    assert card.system("adapter").auc.value is None
    assert card.system("always").precision.value == 1.0
    assert card.engine("adapter").loss.value is not None
    assert "no silence among them" in rendered(card)


def test_five_examples_give_figures_with_wide_intervals_or_none() -> None:
    card: Scorecard = evaluate([*BEFORE, *LATE[:5]])
    assert card.counts.windows == 5
    assert card.slices == ()
    assert card.counts.remarks < LEAST_REMARKS
    assert "5 windows" in rendered(card)
