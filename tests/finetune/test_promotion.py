"""What was measured decides who may speak, or somebody takes it on themselves."""

from pathlib import Path
from typing import Literal

import msgspec
import pytest

from finetune.evaluation.kept import SCORECARD, evaluations_folder
from finetune.evaluation.scorecard import Scorecard, encode_scorecard
from finetune.promotion import decide
from postil.errors import AdapterError
from tests.finetune.evaluation.test_judgement import GOOD


def keep(home: Path, scorecard: Scorecard) -> None:
    folder = evaluations_folder(home, "o/r", "one")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCORECARD).write_bytes(encode_scorecard(scorecard))


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A home in which the adapter `one` has the scorecard above."""
    keep(tmp_path, GOOD)
    return tmp_path


ONE, OLD = Path("adapters/o/r/one"), Path("adapters/o/r/old")


def test_what_was_earned_needs_no_force(measured: Path) -> None:
    ways: tuple[Literal["shadow", "forced"] | None, ...] = (None, "shadow", "forced")
    for way in ways:
        promotion = decide(measured, "o/r", ONE, OLD, way)
        assert (promotion.how, promotion.failed) == ("earned", ())


def test_what_was_not_measured_beside_the_live_adapter_may_not_speak(measured: Path) -> None:
    with pytest.raises(AdapterError, match="not measured beside the live adapter"):
        decide(measured, "o/r", ONE, Path("adapters/o/r/newer"), None)
    with pytest.raises(AdapterError, match="it was not measured"):
        decide(measured, "o/r", OLD, None, None)


@pytest.mark.parametrize("way", ["shadow", "forced"])
def test_who_asks_for_it_gets_it_and_the_card_says_against_what(
    measured: Path, way: Literal["shadow", "forced"]
) -> None:
    few = msgspec.structs.replace(GOOD.counts, remarks=30)
    keep(measured, msgspec.structs.replace(GOOD, counts=few))
    with pytest.raises(AdapterError, match="enough remarks to judge by: 30"):
        decide(measured, "o/r", ONE, None, None)
    promotion = decide(measured, "o/r", ONE, None, way)
    assert promotion.how == way
    assert len(promotion.failed) == 1
