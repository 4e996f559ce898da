"""Retraining: mine, train from the base, promote only what is better; one at a time."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from bot.demo.team import build_team
from finetune.adapters import Registry, load_card
from finetune.base_model import BaseModel
from finetune.evaluation.readings import Progress, no_progress
from finetune.retrain import Retraining
from finetune.training.loop import Report
from finetune.training.train import Plan
from mining.commands import mine
from postil.errors import ConfigError, SourceError, TrainingError
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
        base=str(base.folder), mode="lora", epochs=0.1, batch=8, rank=2, max_length=512
    )
    return Settings(train=train, mining=MiningSettings(shares=(0.2, 0.1, 0.5, 0.2)))


def test_the_first_run_is_compared_with_the_base_and_the_second_finds_nothing_new(
    home: Path, settings: Settings
) -> None:
    registry = Registry(home)
    said = Retraining(settings, home, {}, REPO).go(silent, quiet)
    (made,) = registry.list(REPO)
    assert "the bare base" in said
    better = "; promoted:" in said
    assert registry.current(REPO) == (made if better else None)
    registry.promote(REPO, made)
    assert "nothing new" in Retraining(settings, home, {}, None).go(silent, quiet)
    assert list(registry.list(REPO)) == [made]
    looked = Retraining(settings, home, {}, REPO).look()
    assert f"made {load_card(made).created_at:%Y-%m-%d}" in looked
    assert "at the source 0 new and 0 changed" in looked


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


def test_a_newer_memory_is_made_and_left_for_a_person_to_promote(
    home: Path, settings: Settings, tmp_path: Path
) -> None:
    shutil.copy(home / "store.db", tmp_path / "store.db")
    registry = Registry(tmp_path)
    remembers = msgspec.structs.replace(settings, train=TrainSettings(mode="retrieval"))
    said = Retraining(remembers, tmp_path, {}, REPO).go(silent, quiet)
    (memory,) = registry.list(REPO)
    assert f"not promoted: {memory.name}" in said and registry.current(REPO) is None
    registry.promote(REPO, memory)
    assert "nothing new" in Retraining(remembers, tmp_path, {}, REPO).go(silent, quiet)
    other = msgspec.structs.replace(settings, mining=MiningSettings(shares=(0.25, 0.1, 0.45, 0.2)))
    said = Retraining(other, tmp_path, {}, REPO).go(silent, quiet)
    assert "the live adapter has no weights, so no loss to compare with; not promoted" in said
    assert registry.current(REPO) == memory
