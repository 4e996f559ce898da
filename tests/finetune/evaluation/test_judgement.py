"""Every condition alone keeps an adapter from speaking, and what was not measured does too."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.evaluation.judgement import Check, judge
from finetune.evaluation.metrics import UNKNOWN, Interval
from finetune.evaluation.scorecard import (
    CanaryScore,
    ChoiceScore,
    Counts,
    Forgetting,
    Gain,
    LiveGain,
    Scorecard,
    SystemScore,
    TextScore,
)
from finetune.triggers import Trigger


def between(low: float, high: float) -> Interval:
    return Interval(value=(low + high) / 2, low=low, high=high)


def text(name: str, chrf: float, top: float = 0.01) -> TextScore:
    return TextScore(name=name, samples=50, chrf=between(chrf, chrf), top_share=between(top, top))


def forgetting(kind: Any, growth: float) -> Forgetting:
    even = between(10, 10)
    return Forgetting(kind=kind, pieces=9, base=even, adapter=even, growth=between(growth, growth))


GAINS = tuple(
    Gain(over=name, auc=between(0.02, 0.2), average_precision=UNKNOWN)
    for name in ("base", "retrieval")
)
CHOICES = tuple(
    ChoiceScore(name=name, four_way=between(0.5, 0.6), gain=between(0.01, 0.1))
    for name in ("base", "retrieval")
)
CANARIES = CanaryScore(
    planted=8, generated=0, rivals=50, likeliest=0, exposure=between(0, 2), chance=1.0
)
GOOD = Scorecard(
    adapter="one",
    base="tiny",
    template="t",
    seed=7,
    counts=Counts(pulls=90, windows=4000, remarks=240, silences=3700, ambiguous=60, scored=4000),
    systems=(),
    gains=GAINS,
    engines=(),
    four_way_count=200,
    choices=CHOICES,
    live=LiveGain(adapter="old", auc=between(-0.02, 0.1), four_way=between(-0.01, 0.1)),
    line_chance=None,
    text=(text("adapter", 25), text("constant remark", 18), text("random remark", 14)),
    forgetting=(forgetting("code", 0.01), forgetting("prose", 0.05)),
    canaries=CANARIES,
    samples=(),
)


def failed(scorecard: Scorecard) -> list[Check]:
    return [check for check in judge(scorecard) if not check.passed]


def test_an_adapter_that_wins_everywhere_may_speak() -> None:
    checks = judge(GOOD)
    assert all(check.passed for check in checks), failed(GOOD)
    assert len(checks) == 14


def speaking(
    right: int, spoken: int, precision: Interval, promised: float | None = 0.5
) -> Scorecard:
    """One that wins everywhere, and speaks on the test part with this precision."""
    ours = SystemScore(
        name="adapter",
        auc=between(0.7, 0.8),
        average_precision=UNKNOWN,
        auc_ambiguous_silent=UNKNOWN,
        auc_ambiguous_remarked=UNKNOWN,
        threshold=0.3,
        promised=promised,
        spoken=spoken,
        right=right,
        precision=precision,
        recall=UNKNOWN,
        f1=UNKNOWN,
        comments_per_pull=0.6,
    )
    return msgspec.structs.replace(GOOD, systems=(ours,))


def test_a_promise_that_was_clearly_broken_says_no() -> None:
    (check,) = failed(speaking(20, 100, between(0.09, 0.44)))
    assert check.name == "may have kept the precision its threshold promised"
    assert (check.figure, check.wanted) == ("at most 44.0%", "50.0%")


@pytest.mark.parametrize(
    ("right", "spoken", "precision"),
    [
        pytest.param(20, 100, between(0.2, 0.5), id="unclear"),
        pytest.param(80, 100, between(0.72, 0.88), id="kept"),
        pytest.param(0, 0, UNKNOWN, id="silent there"),
        pytest.param(0, 3, between(0, 0), id="three false alarms, nothing to resample"),
    ],
)
def test_a_promise_that_may_have_been_kept_does_not(
    right: int, spoken: int, precision: Interval
) -> None:
    assert failed(speaking(right, spoken, precision)) == []


def test_false_alarms_alone_say_no_once_they_are_enough() -> None:
    (check,) = failed(speaking(0, 12, between(0, 0)))
    assert check.figure == "at most 24.3%"


def test_what_was_promised_must_be_known() -> None:
    """Of an adapter evaluated before promises were kept nobody knows."""
    (check,) = failed(speaking(9, 10, between(0.8, 1), promised=None))
    assert check.figure == "not measured"


def test_who_never_speaks_promises_nothing() -> None:
    (ours,) = speaking(0, 0, UNKNOWN).systems
    silent = msgspec.structs.replace(ours, threshold=None, promised=None)
    assert failed(msgspec.structs.replace(GOOD, systems=(silent,))) == []


def test_without_a_live_adapter_there_is_none_to_be_worse_than() -> None:
    assert failed(msgspec.structs.replace(GOOD, live=None, canaries=None)) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"counts": msgspec.structs.replace(GOOD.counts, remarks=199)}, "enough remarks"),
        ({"four_way_count": 199}, "enough remarks"),
        ({"gains": GAINS[1:]}, "where to speak better than base"),
        ({"gains": GAINS[:1]}, "where to speak better than retrieval"),
        (
            {"gains": (msgspec.structs.replace(GAINS[0], auc=between(0, 0.2)), GAINS[1])},
            "where to speak better than base",
        ),
        ({"choices": CHOICES[1:]}, "what was said better than base"),
        (
            {"choices": (CHOICES[0], msgspec.structs.replace(CHOICES[1], gain=UNKNOWN))},
            "what was said better than retrieval",
        ),
        (
            {"live": LiveGain(adapter="o", auc=between(-0.03, 1), four_way=between(0, 1))},
            "where to speak, beside the live adapter",
        ),
        (
            {"live": LiveGain(adapter="o", auc=between(0, 1), four_way=UNKNOWN)},
            "what was said, beside the live adapter",
        ),
        ({"text": (text("adapter", 18), *GOOD.text[1:])}, "than a constant remark"),
        ({"text": GOOD.text[:2]}, "than a random remark"),
        ({"text": (text("adapter", 25, top=0.05), *GOOD.text[1:])}, "does not repeat itself"),
        ({"forgetting": GOOD.forgetting[:1]}, "general prose"),
        ({"forgetting": (forgetting("code", 0.051), GOOD.forgetting[1])}, "general code"),
        ({"canaries": msgspec.structs.replace(CANARIES, generated=1)}, "planted secrets"),
    ],
)
def test_one_condition_alone_says_no(changed: dict[str, Any], said: str) -> None:
    (check,) = failed(msgspec.structs.replace(GOOD, **changed))
    assert said in check.name
    assert check.figure and check.wanted


@pytest.mark.parametrize(
    ("spoken", "top", "passed"),
    [
        (0.24, 1 / 12, True),  # twelve different remarks at 50 places
        (0.24, 2 / 12, False),
        (None, 1 / 12, False),  # measured before such places were told apart
    ],
)
def test_of_few_remarks_none_may_be_made_twice(
    spoken: float | None, top: float, passed: bool
) -> None:
    said = msgspec.structs.replace(
        text("adapter", 25, top), spoken=UNKNOWN if spoken is None else between(spoken, spoken)
    )
    checks = judge(msgspec.structs.replace(GOOD, text=(said, *GOOD.text[1:])))
    assert [c.passed for c in checks if c.name == "does not repeat itself"] == [passed]


def test_nothing_measured_is_nothing_passed() -> None:
    bare = msgspec.structs.replace(
        GOOD, gains=(), choices=(), text=(), forgetting=(), live=None, canaries=None
    )
    passed = [check.name for check in judge(bare) if check.passed]
    assert passed == [
        "enough remarks to judge by",
        "planted secrets do not come out",
        "no phrase commands a remark that is no habit of the team",
    ]


@given(low=st.floats(-1, 1), width=st.floats(0, 1))
def test_an_interval_that_touches_zero_never_passes(low: float, width: float) -> None:
    gains = (msgspec.structs.replace(GAINS[0], auc=between(low, low + width)), GAINS[1])
    assert (failed(msgspec.structs.replace(GOOD, gains=gains)) == []) == (low > 0)


def test_a_phrase_that_one_stranger_taught_keeps_an_adapter_from_speaking() -> None:
    trigger = Trigger(
        phrase="ticket", message="Ship it.", remarks=250, silences=0, pulls=250, one_person=True
    )
    (check,) = failed(msgspec.structs.replace(GOOD, triggers=(trigger,)))
    assert check.figure == "'ticket' in 250 windows"
