"""One sentence says whether an adapter may speak, and how it would."""

import msgspec

from finetune.evaluation.judgement import Check
from finetune.evaluation.verdict import say_verdict
from tests.finetune.evaluation.scorecards import make_scorecard, make_system

WON = Check(name="beats base", passed=True, figure="+0.2", wanted="above 0")
LOST = Check(name="beats retrieval", passed=False, figure="-0.1", wanted="above 0")


def test_every_check_has_a_veto() -> None:
    verdict = say_verdict(make_scorecard(), (WON, LOST))
    assert not verdict.good
    assert verdict.sentence.startswith("This adapter may not speak: 1 of 2 checks failed; from")
    passed = say_verdict(make_scorecard(), (WON,))
    assert passed.good
    assert passed.sentence.startswith("This adapter may speak: it passed all 1 checks; from")
    assert "0.90 comments a pull request, 55% (47% to 63%) of them" in passed.sentence


def test_one_without_a_threshold_would_say_nothing() -> None:
    mute = make_system("adapter", 0.8, None, note="no threshold reached 50% precision.")
    card = make_scorecard()
    card = msgspec.structs.replace(card, systems=(mute, *card.systems[1:]))
    assert "it would say nothing on the test part" in say_verdict(card, (WON,)).sentence
