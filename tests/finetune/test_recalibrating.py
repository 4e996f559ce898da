"""The same weights with another memory and gate: nothing is trained, nothing is promoted."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from finetune.adapter_commands import adapters
from finetune.adapters import Registry
from finetune.base_model import BaseModel
from finetune.cards import WEIGHTS, WHOLE, load_card
from finetune.gate import GATE_FILE, read_gate
from finetune.making import Made, make_adapter
from finetune.promotion import decide
from finetune.recalibrating import recalibrate
from finetune.recall import INDEX_FILE
from finetune.retrieval import make_retrieval
from finetune.training.measured import METRICS
from postil.errors import AdapterError, ConfigError
from postil.records import Pair, write_jsonl
from postil.settings import ReviewSettings, Settings, TrainSettings
from tests.fakes import tiny_base
from tests.finetune.builders import make_team
from tests.finetune.test_making import silent

TRAINED = TrainSettings(mode="lora", batch=8, epochs=0.5, max_length=512, rank=4, seed=5)


@pytest.fixture(scope="module")
def team() -> list[Pair]:
    return make_team(pulls=20)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def made(base: BaseModel, team: list[Pair], home: Path) -> Made:
    settings = Settings(train=TRAINED)
    return make_adapter(team, settings, base, Registry(home), "o/r", silent)


def test_another_precision_is_another_gate_beside_the_same_weights(
    made: Made, team: list[Pair], home: Path
) -> None:
    careful = Settings(review=ReviewSettings(min_precision=0.9))
    registry = Registry(home)
    folder, gate = recalibrate(made.folder, team, careful, registry)
    card, before = load_card(folder), load_card(made.folder)
    assert folder != made.folder and registry.current("o/r") is None
    kept = (WEIGHTS, "adapter_config.json", METRICS)
    assert {name: card.files[name] for name in kept} == {name: before.files[name] for name in kept}
    assert gate is not None and gate.wanted_precision == 0.9
    assert read_gate(folder / GATE_FILE) == gate
    assert card.files[INDEX_FILE] == before.files[INDEX_FILE]
    assert (card.parent, card.seed, card.max_length) == (made.folder.name, 5, 512)
    assert (card.mode, card.lora, card.data_sha256, card.seen_until) == (
        before.mode,
        before.lora,
        before.data_sha256,
        before.seen_until,
    )
    assert card.metrics == before.metrics


def test_the_same_settings_give_the_same_adapter(made: Made, team: list[Pair], home: Path) -> None:
    folder, _ = recalibrate(made.folder, team, Settings(), Registry(home))
    assert folder == made.folder


def test_a_promotion_is_not_inherited(made: Made, team: list[Pair], home: Path) -> None:
    registry = Registry(home)
    registry.promote("o/r", made.folder, decide(home, "o/r", made.folder, None, "forced"))
    careful = Settings(review=ReviewSettings(min_precision=0.8))
    folder, _ = recalibrate(made.folder, team, careful, registry)
    assert load_card(made.folder).promotion is not None
    assert load_card(folder).promotion is None
    assert registry.current("o/r") == made.folder


def test_other_pairs_and_an_adapter_without_weights_are_refused(
    made: Made, team: list[Pair], home: Path
) -> None:
    registry = Registry(home)
    with pytest.raises(ConfigError, match="trained on other pairs"):
        recalibrate(made.folder, team[1:], Settings(), registry)
    remembering = make_retrieval(team, Settings(), registry, "o/r").folder
    with pytest.raises(ConfigError, match="has no weights"):
        recalibrate(remembering, team, Settings(), registry)


def test_a_base_that_became_another_and_weights_that_change_meanwhile_are_refused(
    team: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, registry = tiny_base(tmp_path / "base"), Registry(tmp_path)
    folder = make_adapter(team, Settings(train=TRAINED), base, registry, "o/r", silent).folder
    card = load_card(folder)
    with monkeypatch.context() as patch:
        patch.setattr("finetune.recalibrating.load_card", lambda _: card)
        weights = (folder / WEIGHTS).read_bytes()
        (folder / WEIGHTS).write_bytes(weights + b" ")
        with pytest.raises(AdapterError, match="changed while it was read"):
            recalibrate(folder, team, Settings(), registry)
        (folder / WEIGHTS).unlink()
        with pytest.raises(AdapterError, match="cannot be read whole"):
            recalibrate(folder, team, Settings(), registry)
        (folder / WEIGHTS).write_bytes(weights)
    tiny_base(tmp_path / "base", seed=3)
    with pytest.raises(AdapterError, match="made for another"):
        recalibrate(folder, team, Settings(), registry)
    assert list(registry.list("o/r")) == [folder], "what was refused leaves nothing"


def test_a_fully_tuned_model_keeps_its_weights_too(
    base: BaseModel, team: list[Pair], tmp_path: Path
) -> None:
    registry, settings = Registry(tmp_path), Settings(train=replace(TRAINED, mode="full"))
    whole = make_adapter(team, settings, base, registry, "o/r", silent).folder
    careful = Settings(review=ReviewSettings(min_precision=0.9))
    folder, _ = recalibrate(whole, team, careful, registry)
    files, before = load_card(folder).files, load_card(whole).files
    assert files.keys() == before.keys()
    assert files[WHOLE] == before[WHOLE]


def test_the_command_makes_it_from_the_built_dataset(
    made: Made, team: list[Pair], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "postil.toml").write_text('repo = "o/r"\n[review]\nmin_precision = 0.7\n')
    asked = ["calibrate", made.folder.name, "--home", str(home)]
    with pytest.raises(ConfigError, match="postil dataset build --repo o/r"):
        CliRunner().invoke(adapters, asked, catch_exceptions=False)
    (home / "datasets" / "o/r").mkdir(parents=True)
    write_jsonl(home / "datasets" / "o/r" / "pairs.jsonl", team)
    done = CliRunner().invoke(adapters, asked, catch_exceptions=False)
    assert done.exit_code == 0
    *_, where, next_step = done.stdout.splitlines()
    folder = Path(where.removeprefix("adapter "))
    gate = read_gate(folder / GATE_FILE)
    assert gate.wanted_precision == 0.7 and gate.note in done.stdout
    assert next_step == f"evaluate it: postil evaluate {folder.name} --repo o/r"
    own = ["calibrate", folder.name, "--home", str(home), "--repo", "o/r"]
    again = CliRunner().invoke(adapters, own, catch_exceptions=False)
    assert again.stdout.splitlines()[-1].endswith("nothing beside its weights would change")
