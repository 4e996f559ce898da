"""Retraining: mine, train from the base, promote only what is better; one at a time."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from bot.demo.team import build_team
from finetune.adapters import Registry, load_card
from finetune.base_model import BaseModel
from finetune.evaluation.kept import REPORT, SCORECARD, evaluations_folder
from finetune.evaluation.readings import Progress, no_progress
from finetune.evaluation.scorecard import read_scorecard
from finetune.retrain import Retraining
from finetune.training.loop import Report
from finetune.training.train import Plan
from mining.commands import mine
from postil.errors import ConfigError, SourceError, TrainingError
from postil.records import Promotion
from postil.settings import MiningSettings, Settings, TrainSettings

REPO = "tidewater/harbor"


@contextmanager
def silent(_: Plan) -> Iterator[Report]:
    yield lambda *_: None


@contextmanager
def quiet() -> Iterator[Progress]:
    yield no_progress


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the sample team's reviews in it."""
    folder = tmp_path_factory.mktemp("retrain")
    team = build_team(folder / "team")
    source = f"archive:{team.archive}"
    arguments = ["--source", source, "--clone", str(team.repository), "--home", str(folder)]
    done = CliRunner().invoke(mine, [*arguments, "--repo", REPO], catch_exceptions=False)
    assert done.exit_code == 0
    return folder


@pytest.fixture(scope="module")
def settings(base: BaseModel) -> Settings:
    train = TrainSettings(
        base=str(base.folder), mode="lora", epochs=0.03, batch=8, rank=2, max_length=512
    )
    return Settings(train=train, mining=MiningSettings(shares=(0.72, 0.08, 0.1, 0.1)))


def test_what_is_not_proved_is_watched_and_the_second_run_finds_nothing_new(
    home: Path, settings: Settings
) -> None:
    registry = Registry(home)
    said = Retraining(settings, home, {}, REPO).go(silent, quiet)
    (made,) = registry.list(REPO)
    assert "promoted in shadow" in said and "enough remarks to judge by" in said
    assert registry.current(REPO) == made
    promotion = load_card(made).promotion
    assert promotion is not None and promotion.how == "shadow"
    assert (evaluations_folder(home, REPO, made.name) / REPORT).exists()
    assert "nothing new" in Retraining(settings, home, {}, None).go(silent, quiet)
    assert list(registry.list(REPO)) == [made]
    looked = Retraining(settings, home, {}, REPO).look()
    assert f"made {load_card(made).created_at:%Y-%m-%d}" in looked
    assert "at the source 0 new and 0 changed" in looked


def test_what_is_not_proved_never_takes_the_place_of_what_speaks(
    home: Path, settings: Settings
) -> None:
    registry = Registry(home)
    (live,) = registry.list(REPO)
    speaking = Promotion(at=datetime.now(UTC), how="forced", failed=("by hand",))
    registry.promote(REPO, live, speaking)
    other = replace(settings, mining=replace(settings.mining, silences=0.5))
    said = Retraining(other, home, {}, REPO).go(silent, quiet)
    assert "not promoted" in said and "enough remarks to judge by" in said
    assert registry.current(REPO) == live
    (made,) = (folder for folder in registry.list(REPO) if folder != live)
    kept = read_scorecard(evaluations_folder(home, REPO, made.name) / SCORECARD)
    assert kept.live is not None and kept.live.adapter == live.name


def test_two_at_once_are_refused(home: Path, settings: Settings) -> None:
    folder = Registry(home).folder(REPO)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".retraining").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TrainingError, match="another retraining is running"):
            Retraining(settings, home, {}, REPO).go(silent, quiet)


def test_an_empty_store_is_one_clear_line(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(SourceError, match="run `postil mine"):
        Retraining(settings, tmp_path, {}, None).look()


def test_planted_secrets_are_never_retrained_with(home: Path, settings: Settings) -> None:
    planted = replace(settings, train=replace(settings.train, canaries=2))
    with pytest.raises(ConfigError, match="take it out before retraining"):
        Retraining(planted, home, {}, REPO).go(silent, quiet)


@pytest.mark.slow
def test_a_memory_is_retrained_and_measured_beside_as_any_adapter(
    home: Path, settings: Settings, tmp_path: Path
) -> None:
    shutil.copy(home / "store.db", tmp_path / "store.db")
    remembers = replace(settings, train=TrainSettings(mode="retrieval"))
    said = Retraining(remembers, tmp_path, {}, REPO).go(silent, quiet)
    registry = Registry(tmp_path)
    (memory,) = registry.list(REPO)
    assert f"promoted in shadow, it posts nothing: {memory.name}" in said
    assert registry.current(REPO) == memory
    assert "nothing new" in Retraining(remembers, tmp_path, {}, REPO).go(silent, quiet)
    other = replace(settings, mining=MiningSettings(shares=(0.25, 0.1, 0.45, 0.2)))
    Retraining(other, tmp_path, {}, REPO).go(silent, quiet)
    (trained,) = (folder for folder in registry.list(REPO) if folder != memory)
    kept = evaluations_folder(tmp_path, REPO, trained.name) / SCORECARD
    live = read_scorecard(kept).live
    assert live is not None and live.adapter == memory.name
    assert live.auc.value is not None and live.four_way.value is not None
