"""One durable run: mine, train from the base, measure, promote only what is better."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from finetune.adapters import Registry
from finetune.base_model import BaseModel
from finetune.cards import load_card
from finetune.evaluation.kept import REPORT, SCORECARD, evaluations_folder
from finetune.evaluation.readings import Progress, no_progress
from finetune.evaluation.scorecard import read_scorecard
from finetune.retraining.ledger import Ledger, Run
from finetune.retraining.look import look
from finetune.retraining.run import Retraining
from finetune.training.loop import Report
from finetune.training.train import Plan
from mining.commands import store_url
from mining.store import open_store
from postil.errors import (
    ConfigError,
    PostilError,
    SourceError,
    StoppedError,
    TrainingError,
)
from postil.records import Promotion
from postil.settings import MiningSettings, ReviewSettings, Settings, TrainSettings
from tests.finetune.retraining.small_team import REPO, SmallTeam, tiny_settings

STAGES = ("built", "trained", "measured", "promoting", "decided")


@contextmanager
def silent(_: Plan) -> Iterator[Report]:
    yield lambda *_: None


@contextmanager
def quiet() -> Iterator[Progress]:
    yield no_progress


class Killed(Ledger):
    """A ledger whose process dies right behind a stage, or right before it is noted."""

    dies_at, before = "", False

    def note(self, run: Run) -> None:
        if not self.before:
            super().note(run)
        if run.stage == self.dies_at:
            raise StoppedError(f"killed at {self.dies_at}")
        super().note(run)


class Dying(Retraining):
    """A run with such a ledger."""

    _ledger = Killed


def run(settings: Settings, home: Path, repo: str | None = REPO) -> str:
    return Retraining(settings, home, store_url(home), repo).go(silent, quiet)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> SmallTeam:
    team = SmallTeam(tmp_path_factory.mktemp("team"))
    team.grow(16)
    return team


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, team: SmallTeam) -> Path:
    """A store with a few reviews in it."""
    return team.mine_into(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def settings(base: BaseModel) -> Settings:
    return tiny_settings(base.folder, review=ReviewSettings(max_tokens=8))


@pytest.fixture(scope="module")
def watched(home: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home after its first run; tests work on copies."""
    watched = shutil.copytree(home, tmp_path_factory.mktemp("watched") / "home")
    said = run(settings, watched)
    assert "promoted in shadow" in said and "enough remarks to judge by" in said
    return watched


@pytest.fixture
def ours(watched: Path, tmp_path: Path) -> Path:
    """A copy of the home after its first run."""
    return shutil.copytree(watched, tmp_path / "home")


@pytest.fixture
def speaking(ours: Path) -> Path:
    """Where the adapter of the first run was let speak by hand."""
    registry = Registry(ours)
    (live,) = registry.list(REPO)
    registry.promote(REPO, live, Promotion(at=datetime.now(UTC), how="forced", failed=("so",)))
    return ours


@pytest.fixture
def more(team: SmallTeam) -> Iterator[None]:
    """Four more pull requests at the source."""
    team.grow(20)
    yield
    team.shrink(16)


def test_what_is_not_proved_is_watched_and_the_second_run_finds_nothing_new(
    ours: Path, settings: Settings
) -> None:
    registry, ledger = Registry(ours), Ledger(ours, REPO)
    (made,) = registry.list(REPO)
    assert registry.current(REPO) == made
    card = load_card(made)
    assert card.promotion is not None and card.promotion.how == "shadow"
    assert card.seen_until is not None and card.seen_until < card.created_at
    assert (evaluations_folder(ours, REPO, made.name) / REPORT).exists()
    assert ledger.run() is None
    (past,) = ledger.past()
    assert (past.outcome, past.candidate, past.new_remarks) == ("shadow", made.name, 36)
    assert past.cpu_s > 0
    pairs = ours / "datasets" / REPO / "pairs.jsonl"
    built = pairs.stat().st_mtime_ns
    assert "nothing new since the last run; nothing done" in run(settings, ours, None)
    assert pairs.stat().st_mtime_ns == built, "nothing is labelled again"
    assert list(registry.list(REPO)) == [made]
    looked = look(settings, ours, store_url(ours), REPO)
    assert f"made {card.created_at:%Y-%m-%d}, has seen until {card.seen_until:%Y-%m-%d}" in looked
    assert "at the source 0 new and 0 changed" in looked and "nothing new is stored" in looked


def test_too_few_new_remarks_are_waited_for_by_number(
    ours: Path, settings: Settings, more: None
) -> None:
    shown = look(settings, ours, store_url(ours), REPO)
    assert "at the source 4 new" in shown
    said = run(settings, ours)
    new = int(said.split(" of 50 new")[0].split()[-1])
    assert 0 < new < 50
    assert f"{50 - new} are missing (retrain.min_new); nothing done" in said
    pairs = ours / "datasets" / REPO / "pairs.jsonl"
    built = pairs.stat().st_mtime_ns
    assert run(settings, ours) == said
    assert pairs.stat().st_mtime_ns == built, "what was counted is not counted again"
    assert len(Ledger(ours, REPO).past()) == 1
    assert "are missing" in look(settings, ours, store_url(ours), REPO)


def test_what_is_not_proved_never_takes_the_place_of_what_speaks(
    speaking: Path, settings: Settings, more: None
) -> None:
    registry = Registry(speaking)
    (live,) = registry.list(REPO)
    enough = replace(settings, retrain=replace(settings.retrain, min_new=1))
    assert "at the source 4 new" in look(enough, speaking, store_url(speaking), REPO)
    said = run(enough, speaking)
    assert "not promoted" in said and "enough test remarks newer than the live adapter" in said
    assert registry.current(REPO) == live
    (made,) = (folder for folder in registry.list(REPO) if folder != live)
    kept = read_scorecard(evaluations_folder(speaking, REPO, made.name) / SCORECARD)
    assert kept.live is not None and kept.live.adapter == live.name
    assert kept.newer_than == load_card(live).seen_until


def test_a_live_adapter_that_has_seen_all_of_it_leaves_nothing_to_measure_on(
    speaking: Path, settings: Settings
) -> None:
    shares = (0.3, 0.1, 0.1, 0.5)
    other = replace(
        settings, mining=MiningSettings(shares=shares), train=TrainSettings(mode="retrieval")
    )
    said = run(other, speaking)
    assert "newer than the live adapter" in said
    assert Ledger(speaking, REPO).past()[-1].outcome == "refused"


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("stage", STAGES)
def test_a_run_that_dies_at_any_stage_goes_on_and_promotes_once(
    stage: str, before: bool, home: Path, settings: Settings, tmp_path: Path
) -> None:
    shutil.copy(home / "store.db", tmp_path / "store.db")
    remembers = replace(settings, train=TrainSettings(mode="retrieval"))
    dying = Dying(remembers, tmp_path, store_url(tmp_path), REPO)
    Killed.dies_at, Killed.before = stage, before
    with pytest.raises(StoppedError):
        dying.go(silent, quiet)
    registry, ledger = Registry(tmp_path), Ledger(tmp_path, REPO)
    promoted = registry.current(REPO)
    inode = (promoted / "card.json").stat().st_ino if promoted else 0
    assert "promoted in shadow" in run(remembers, tmp_path)
    (made,) = registry.list(REPO)
    assert registry.current(REPO) == made
    if promoted:
        assert (made / "card.json").stat().st_ino == inode, "it was promoted before"
    assert ledger.run() is None and len(ledger.past()) == 1
    assert "nothing new" in run(remembers, tmp_path)


def test_who_rolled_back_a_promotion_in_between_is_not_overruled(
    home: Path, settings: Settings, tmp_path: Path
) -> None:
    shutil.copy(home / "store.db", tmp_path / "store.db")
    registry = Registry(tmp_path)
    remembers = replace(settings, train=TrainSettings(mode="retrieval"))
    run(remembers, tmp_path)
    (first,) = registry.list(REPO)
    other = replace(remembers, mining=MiningSettings(shares=(0.4, 0.1, 0.2, 0.3)))
    Killed.dies_at, Killed.before = "decided", True
    with pytest.raises(StoppedError):
        Dying(other, tmp_path, store_url(tmp_path), REPO).go(silent, quiet)
    assert registry.current(REPO) != first
    registry.rollback(REPO)
    run(other, tmp_path)
    assert registry.current(REPO) == first


def test_a_stored_scorecard_is_not_measured_again(
    home: Path, settings: Settings, tmp_path: Path
) -> None:
    shutil.copy(home / "store.db", tmp_path / "store.db")
    remembers = replace(settings, train=TrainSettings(mode="retrieval"))
    Killed.dies_at, Killed.before = "measured", True
    with pytest.raises(StoppedError):
        Dying(remembers, tmp_path, store_url(tmp_path), REPO).go(silent, quiet)
    (card,) = tmp_path.glob("evaluations/**/scorecard.json")
    measured = card.stat().st_mtime_ns
    run(remembers, tmp_path)
    assert card.stat().st_mtime_ns == measured


def test_a_live_adapter_that_was_deleted_by_hand_is_said_and_stops_nothing(
    home: Path, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(home / "store.db", tmp_path / "store.db")
    remembers = replace(settings, train=TrainSettings(mode="retrieval"))
    run(remembers, tmp_path)
    (live,) = Registry(tmp_path).list(REPO)
    shutil.rmtree(live)
    other = replace(remembers, mining=replace(settings.mining, silences=0.5))
    assert "promoted in shadow" in run(other, tmp_path)
    assert f"{live}: the current adapter is gone" in caplog.text


def test_a_base_that_is_not_there_is_one_line_and_loses_nothing(
    home: Path, settings: Settings, tmp_path: Path
) -> None:
    shutil.copy(home / "store.db", tmp_path / "store.db")
    lost = replace(settings, train=replace(settings.train, base=str(tmp_path / "gone")))
    with pytest.raises(PostilError) as told:
        run(lost, tmp_path)
    assert "gone" in str(told.value) and "\n" not in str(told.value)
    ledger = Ledger(tmp_path, REPO)
    left = ledger.run()
    assert left is not None and left.stage == "built" and "gone" in left.failed
    remembers = replace(settings, train=TrainSettings(mode="retrieval"))
    assert "promoted in shadow" in run(remembers, tmp_path)
    assert ledger.run() is None


class Full(Ledger):
    """A ledger on a disk that fills up."""

    full_at = "measured"

    def note(self, run: Run) -> None:
        if run.stage == self.full_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder / "run.json"))
        super().note(run)


class Filling(Retraining):
    """A run with such a ledger."""

    _ledger = Full


@pytest.mark.parametrize("stage", ["built", "measured", "promoting"])
def test_a_full_disk_is_one_line_and_the_next_run_goes_on(
    stage: str, home: Path, settings: Settings, tmp_path: Path
) -> None:
    shutil.copy(home / "store.db", tmp_path / "store.db")
    remembers = replace(settings, train=TrainSettings(mode="retrieval"))
    Full.full_at = stage
    with pytest.raises(TrainingError, match="No space left on device; what was done is kept"):
        Filling(remembers, tmp_path, store_url(tmp_path), REPO).go(silent, quiet)
    assert Registry(tmp_path).current(REPO) is None
    assert "promoted in shadow" in run(remembers, tmp_path)
    assert len(list(Registry(tmp_path).list(REPO))) == 1


def test_a_source_that_cannot_be_reached_is_one_line_and_loses_nothing(
    home: Path, settings: Settings, tmp_path: Path
) -> None:
    shutil.copy(home / "store.db", tmp_path / "store.db")
    remembers = replace(settings, train=TrainSettings(mode="retrieval"))
    with open_store(store_url(tmp_path)) as store:
        (known,) = store.sources()
        store.remember(replace(known, where=f"archive:{tmp_path / 'gone'}"))
    with pytest.raises(PostilError, match="gone"):
        run(remembers, tmp_path)
    tried = Ledger(tmp_path, REPO).tried()
    assert tried is not None and tried.failed and "gone" in tried.detail
    with open_store(store_url(tmp_path)) as store:
        store.remember(known)
    assert "promoted in shadow" in run(remembers, tmp_path)


def test_a_damaged_record_is_one_line(home: Path, settings: Settings, tmp_path: Path) -> None:
    shutil.copy(home / "store.db", tmp_path / "store.db")
    ledger = Ledger(tmp_path, REPO)
    ledger.folder.mkdir(parents=True)
    (ledger.folder / "run.json").write_text('{"half')
    with pytest.raises(ConfigError, match="remove it"):
        run(settings, tmp_path)


def test_two_at_once_are_refused(home: Path, settings: Settings) -> None:
    with (
        Ledger(home, REPO).alone(),
        pytest.raises(TrainingError, match="another retraining is running"),
    ):
        run(settings, home)


def test_an_empty_store_is_one_clear_line(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(SourceError, match="run `postil mine"):
        look(settings, tmp_path, store_url(tmp_path), None)


def test_planted_secrets_are_never_retrained_with(home: Path, settings: Settings) -> None:
    planted = replace(settings, train=replace(settings.train, canaries=2))
    with pytest.raises(ConfigError, match="take it out before retraining"):
        run(planted, home)
