"""What is not known is read off the scorecard."""

from finetune.evaluation.limits import ALWAYS, limits_of
from finetune.evaluation.metrics import UNKNOWN
from finetune.evaluation.scorecard import Counts
from tests.finetune.evaluation.scorecards import make_scorecard, make_system


def test_what_holds_of_every_adapter_is_always_said() -> None:
    assert set(ALWAYS) <= set(limits_of(make_scorecard()))


def test_small_counts_and_what_was_not_scored_are_named() -> None:
    counts = Counts(pulls=9, windows=100, remarks=7, silences=80, ambiguous=13, scored=40)
    told = "\n".join(limits_of(make_scorecard(counts=counts, four_way_count=0)))
    assert "9 pull requests with 7 accepted remarks are few" in told
    assert "60 of 100 windows were not scored" in told
    assert "13 windows are unclear" in told and "ROC-AUC is 0.79 [0.71, 0.87]" in told
    assert "could not be asked: too few remarks" in told
    whole = Counts(pulls=90, windows=100, remarks=700, silences=80, ambiguous=0, scored=100)
    told = "\n".join(limits_of(make_scorecard(counts=whole)))
    assert "are few" not in told and "not scored" not in told and "unclear" not in told


def test_what_could_not_or_was_not_measured_is_named() -> None:
    blind = make_system("adapter", 0.8, precision=UNKNOWN)
    systems = (blind, *make_scorecard().systems[1:])
    bare = make_scorecard(systems=systems, canaries=None, forgetting=(), slices=())
    told = "\n".join(limits_of(bare))
    assert (
        "Could not be measured: adapter's precision, adapter's four way, base's four way." in told
    )
    assert "no secrets were planted" in told and "forgot in training was not" in told
    assert "No single reviewer" in told
