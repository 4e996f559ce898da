"""One sentence says whether an adapter may speak, and why."""

from typing import NamedTuple

import msgspec

from finetune.evaluation.metrics import UNKNOWN
from finetune.evaluation.scorecard import Gain
from finetune.evaluation.verdict import say_verdict
from tests.finetune.evaluation.scorecards import make_scorecard, make_system, near


class Check(NamedTuple):
    """As the promotion gate makes them."""

    name: str
    passed: bool
    figure: object
    wanted: object
    why: str


GATE = (
    Check("precision", True, 0.55, 0.5, "it is right often enough"),
    Check("beats retrieval", False, -0.01, 0.0, "no better than retrieval"),
)


def test_the_promotion_gate_has_the_say_where_it_has_judged() -> None:
    verdict = say_verdict(make_scorecard(), GATE)
    assert not verdict.good
    assert verdict.sentence == (
        "This adapter may not speak: 1 of 2 checks failed (beats retrieval: no better than"
        " retrieval)."
    )
    passed = say_verdict(make_scorecard(), GATE[:1])
    assert passed.good
    assert passed.sentence.startswith("This adapter may speak: it passed all 1 checks; from")


def test_by_figures_it_must_beat_all_that_costs_less() -> None:
    good = say_verdict(make_scorecard(), None)
    assert good.good
    assert "better than base, size alone, cheap features alone and retrieval" in good.sentence
    assert "0.90 comments a pull request, 55% (47% to 63%) of them" in good.sentence
    gains = [
        Gain(over=name, auc=near(gain), average_precision=near(gain))
        for name, gain in (("base", 0.2), ("size alone", 0.02), ("retrieval", -0.3))
    ]
    bad = say_verdict(make_scorecard(gains=tuple(gains)), None)
    assert not bad.good
    assert "no better, as far as is shown, than size alone and retrieval;" in bad.sentence


def test_without_a_threshold_it_stays_silent_and_says_why() -> None:
    mute = make_system("adapter", 0.8, None, note="no threshold reached 50% precision.")
    card = make_scorecard()
    card = msgspec.structs.replace(card, systems=(mute, *card.systems[1:]))
    verdict = say_verdict(card, None)
    assert verdict.sentence == "This adapter stays silent: no threshold reached 50% precision."
    assert not verdict.good


def test_where_nothing_could_be_measured_nothing_is_claimed() -> None:
    blind = Gain(over="base", auc=UNKNOWN, average_precision=UNKNOWN)
    verdict = say_verdict(make_scorecard(gains=(blind,)), None)
    assert not verdict.good and "cannot be told: too little to measure" in verdict.sentence
