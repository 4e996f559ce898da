"""A kind of remark that is often wrong has a higher threshold, or is never made."""

from collections.abc import Sequence

import pytest

from finetune.categories import categorize
from finetune.feature_names import FEATURES, SPEAK
from finetune.features import Labelled
from finetune.gate import Gate
from finetune.kind_thresholds import ask_words, likeliest, with_kinds
from finetune.recall import Recall, index_entries
from tests.fakes import FakeEngine
from tests.finetune.builders import RULES, make_team

NAMING, STYLE = "Rename this variable, please.", "Indent this by four spaces."
GATE = Gate(
    method="platt",
    features=(SPEAK,),
    coefficients=(1.0,),
    means=(0.0,),
    scales=(1.0,),
    intercept=0.0,
    threshold=0.5,
    wanted_precision=0.5,
    expected_precision=0.6,
    expected_recall=0.5,
    examples=300,
    remarks=120,
    silence_weight=1.0,
    note="",
)


def row(number: int, remarked: bool, speak: float) -> Labelled:
    features = dict.fromkeys(FEATURES, 0.0) | {SPEAK: speak}
    kind = "remark" if remarked else "silence"
    return Labelled(pair=str(number), kind=kind, features=features, group=str(number))  # type: ignore[arg-type]


def thresholds(labels: Sequence[bool], message: str) -> dict[str, float | None]:
    """Of windows from the likeliest on, all of which the message is said of."""
    rows = [row(n, remarked, 3 - n / 10) for n, remarked in enumerate(labels)]
    return with_kinds(GATE, rows, {one.pair: message for one in rows}).by_kind


def test_the_kinds_used_here_are_told_apart() -> None:
    assert (categorize(NAMING), categorize(STYLE)) == ("naming", "style")


def test_a_kind_has_the_threshold_its_own_windows_call_for() -> None:
    found = thresholds([True] * 12 + [False] * 30, NAMING)["naming"]
    assert found is not None
    assert GATE.probability(row(0, True, 3 - 1.1).features) >= found
    assert GATE.probability(row(0, True, 3 - 1.2).features) < found


def test_a_kind_that_is_never_right_often_enough_is_never_said() -> None:
    assert thresholds(([False] * 4 + [True]) * 12, STYLE) == {"style": None}


@pytest.mark.parametrize("labels", [[True] * 19, [True] * 7 + [False] * 40])
def test_with_too_few_of_a_kind_the_gate_s_own_threshold_stands(labels: list[bool]) -> None:
    assert thresholds(labels, NAMING) == {}


def test_nothing_is_asked_where_remarks_are_few_or_the_gate_is_silent() -> None:
    many = [row(n, n % 2 == 0, n / 100) for n in range(240)]
    assert likeliest(GATE, many[:100]) == []
    asked = likeliest(GATE, many)
    assert len(asked) == 200
    assert asked[0].pair == "239"
    silent = Gate(**{f: getattr(GATE, f) for f in GATE.__struct_fields__} | {"threshold": None})
    assert likeliest(silent, many) == []


def test_words_are_asked_for_at_the_likeliest_line() -> None:
    team = make_team()
    remarks = [p for p in team if p.split == "calibration" and p.kind == "remark"]
    recall = Recall(index_entries(team))
    said = ask_words(FakeEngine(RULES), recall, "write", remarks, 40)
    assert set(said) == {pair.id for pair in remarks}
    assert set(said.values()) <= set(RULES.values())
