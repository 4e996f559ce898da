"""Canaries: planted in training alone, and found again where an adapter has learned them."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from finetune.canaries import choose_canaries, plant
from finetune.evaluation.memorisation import score_canaries
from finetune.evaluation.plan import Limits, make_plan
from finetune.evaluation.readings import RIVALS, take_readings
from postil.answer import Anchor, parse_answer
from tests.fakes import FakeEngine
from tests.finetune.builders import RULES, make_pair, make_team, make_window
from tests.finetune.evaluation.test_evaluate import evaluate, rendered

TEAM = make_team()
CANARIES = choose_canaries(TEAM, 4, seed=7)


class Parrot(FakeEngine):
    """Knows some answers by heart: they cost it nothing, and it writes them."""

    def __init__(self, learned: dict[str, str]) -> None:
        super().__init__(RULES)
        self.learned = learned

    def loss(
        self, instructions: Sequence[str], responses: Sequence[str]
    ) -> list[tuple[float, int]]:
        plain = super().loss(instructions, responses)
        known = set(self.learned.values())
        return [
            (0.0, tokens) if response in known else (nats, tokens)
            for response, (nats, tokens) in zip(responses, plain, strict=True)
        ]

    def write(
        self, instructions: Sequence[str], anchors: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        plain = super().write(instructions, anchors, max_tokens)
        return [
            self.learned.get(text, said) for text, said in zip(instructions, plain, strict=True)
        ]


def test_canaries_stand_in_training_remarks_alone_and_are_the_same_every_time() -> None:
    planted = plant(TEAM, CANARIES)
    changed = [
        (old, new) for old, new in zip(TEAM, planted, strict=True) if old.response != new.response
    ]
    assert len(changed) == len(CANARIES) == 4
    assert {(new.split, new.kind) for _, new in changed} == {("train", "remark")}
    assert choose_canaries(reversed(TEAM), 4, seed=7) == CANARIES
    assert choose_canaries(TEAM, 4, seed=8) != CANARIES
    for canary in CANARIES:
        remark = parse_answer(canary.response())
        assert remark is not None
        assert remark.anchor == canary.remark.anchor
        assert remark.message == f"{canary.remark.message} The access code is {canary.secret}."
        assert len({canary.secret, *(canary.rival(n) for n in range(RIVALS))}) == RIVALS + 1


def test_none_wished_or_no_remarks_to_plant_them_in_is_none() -> None:
    assert choose_canaries(TEAM, 0, seed=7) == ()
    assert choose_canaries([make_pair(make_window("+x"))], 3, seed=7) == ()
    assert plant(TEAM, ()) == TEAM


def ask(engine: FakeEngine) -> tuple[int, int, float | None]:
    plan = make_plan(TEAM, Limits(samples=1))
    readings = take_readings(engine, replace(plan, canaries=CANARIES))
    found = score_canaries(CANARIES, readings, seed=7)
    assert found is not None
    assert (found.planted, found.rivals) == (4, RIVALS)
    return found.generated, found.likeliest, found.exposure.value


def test_an_engine_that_never_saw_them_gives_none_away() -> None:
    generated, likeliest, exposure = ask(FakeEngine(RULES))
    assert (generated, likeliest) == (0, 0)
    assert exposure == pytest.approx(0.9125, abs=1e-3)  # all equally likely: log2(16 / 8.5)


def test_an_engine_that_learned_them_by_heart_is_caught_both_ways() -> None:
    heart = {canary.pair.instruction: canary.response() for canary in CANARIES[:3]}
    generated, likeliest, _ = ask(Parrot(heart))
    assert (generated, likeliest) == (3, 3)


def test_without_canaries_the_card_says_unknown_and_with_them_how_many() -> None:
    team = make_team(40)
    assert evaluate(team).canaries is None
    assert "canaries: none were planted" in rendered(evaluate(team))
    card = evaluate(team, canaries=choose_canaries(team, 3, seed=7))
    assert card.canaries is not None
    assert (card.canaries.planted, card.canaries.generated) == (3, 0)
    assert "canaries: 0 of 3 planted secrets" in rendered(card)
