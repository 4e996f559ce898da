"""From an adapter's folder to a scorecard, over real engines on a tiny base."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finetune.adapters import Registry
from finetune.base_model import BaseModel
from finetune.evaluation.plan import Limits
from finetune.evaluation.proof import planted_canaries, prove
from finetune.evaluation.readings import no_progress
from finetune.making import Made, make_adapter
from finetune.recall import INDEX_FILE
from finetune.training.loop import Report
from finetune.training.train import Plan
from mining.dataset import digest_pairs
from postil.errors import AdapterError
from postil.settings import Settings, TrainSettings
from tests.finetune.builders import FORCED, make_team

TEAM = make_team(20)


@contextmanager
def silent(_: Plan) -> Iterator[Report]:
    yield lambda *_: None


@pytest.fixture(scope="module")
def settings(base: BaseModel) -> Settings:
    train = TrainSettings(
        base=str(base.folder),
        mode="lora",
        rank=2,
        batch=8,
        epochs=0.3,
        max_length=512,
        canaries=3,
    )
    return Settings(train=train)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def made(base: BaseModel, settings: Settings, home: Path) -> Made:
    return make_adapter(TEAM, settings, base, Registry(home), "o/r", silent)


def test_canaries_are_in_the_card_and_in_nothing_that_is_quoted(made: Made) -> None:
    assert made.card.metrics["canaries"] == 3
    assert made.card.data_sha256 == digest_pairs(TEAM)
    index = (made.folder / INDEX_FILE).read_text()
    canaries = planted_canaries(made.card, TEAM)
    assert len(canaries) == 3
    assert not any(canary.secret in index for canary in canaries)
    assert planted_canaries(made.card, TEAM[1:]) == ()


def test_an_adapter_with_canaries_is_never_promoted(made: Made, home: Path) -> None:
    with pytest.raises(AdapterError, match="3 planted canaries"):
        Registry(home).promote("o/r", made.folder, FORCED)
    assert Registry(home).current("o/r") is None


def test_everything_is_measured_over_real_engines(
    made: Made, settings: Settings, tmp_path: Path
) -> None:
    card = prove(
        made.folder, TEAM, settings, tmp_path, no_progress, limits=Limits(silences=8, samples=2)
    )
    assert card.canaries is not None
    assert (card.canaries.planted, card.canaries.generated) == (3, 0)
    assert {one.kind for one in card.forgetting} == {"code", "prose"}
    for engine in card.engines:
        assert engine.perplexity.value is not None
        assert engine.byte_perplexity.value is not None
        # a byte tokenizer, and an end token that is no byte
        assert engine.byte_perplexity.value == pytest.approx(engine.perplexity.value, rel=0.3)
    assert {one.name: one.samples for one in card.text}["base, shown 3 remarks"] == 2
    assert len(card.grounding) == len(card.text) == 9
