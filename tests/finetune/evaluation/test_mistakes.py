"""The worst mistakes are the surest ones, and know nothing of later remarks."""

from finetune.evaluation.mistakes import MOST
from finetune.evaluation.scorecard import Mistake, SampleView
from postil.records import Pair
from tests.finetune.builders import make_team
from tests.finetune.evaluation.test_evaluate import evaluate


def by_question(pairs: list[Pair]) -> dict[str, Pair]:
    return {pair.instruction: pair for pair in pairs if pair.split == "test"}


def test_the_most_probable_silences_and_the_least_probable_remarks_are_named() -> None:
    pairs = make_team(120)
    found = evaluate(pairs).mistakes
    spoken = [one for one in found if one.kind == "spoken"]
    missed = [one for one in found if one.kind == "missed"]
    assert (len(spoken), len(missed)) == (MOST, MOST)
    known = by_question(pairs)
    assert all(known[one.question].kind == "silence" and one.human is None for one in spoken)
    assert all(known[one.question].kind == "remark" and one.human for one in missed)
    assert [one.probability for one in spoken] == sorted(
        (one.probability for one in spoken), reverse=True
    )
    assert [one.probability for one in missed] == sorted(one.probability for one in missed)


def test_past_remarks_are_older_than_the_window_they_stand_beside() -> None:
    pairs = make_team(120)
    card, known = evaluate(pairs), by_question(pairs)
    shown: list[Mistake | SampleView] = [*card.mistakes, *card.samples]
    assert any(one.past for one in shown)
    for one in shown:
        decided = known[one.question].decided_at
        assert all(past.when and decided and past.when < decided for past in one.past)
        assert all(0 <= past.similarity <= 1 and past.message for past in one.past)


def test_where_nobody_spoke_no_remark_was_missed() -> None:
    quiet = [pair for pair in make_team(40) if pair.kind == "silence" or pair.split != "test"]
    assert {one.kind for one in evaluate(quiet).mistakes} == {"spoken"}
