from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from finetune.adapters import Registry
from finetune.augment.engine import grow
from finetune.base_model import BaseModel
from finetune.cards import CARD, WEIGHTS, WHOLE, hash_files, load_card, write_card
from finetune.engines.local import LocalEngine
from finetune.equipping import TRIED
from finetune.gate import CHEAP_GATE_FILE, GATE_FILE
from finetune.loaded_base import Precision, pick_dtype
from finetune.making import Made, make_adapter
from finetune.recall import INDEX_FILE, IndexEntry, index_entries
from finetune.topics import TOPICS_FILE
from finetune.training.held_out import held_out_loss
from finetune.training.loop import Report
from finetune.training.measured import METRICS
from finetune.training.progress import made_text, plan_text
from finetune.training.samples import make_samples
from finetune.training.train import Plan, prepare
from mining.dataset import digest_pairs
from postil.errors import AdapterError, ConfigError
from postil.prompt import render_question
from postil.records import Pair, Way, read_jsonl
from postil.settings import AugmentSettings, Settings, TrainSettings
from tests.completion_server import CompletionServerFake
from tests.fakes import tiny_base
from tests.finetune.builders import make_pair, make_team, make_window


@contextmanager
def silent(_plan: Plan) -> Iterator[Report]:
    yield lambda *_: None


@pytest.fixture(scope="module")
def team() -> list[Pair]:
    return make_team(pulls=20)


def make(
    base: BaseModel, pairs: list[Pair], home: Path, reporter: Any = silent, **more: Any
) -> Made:
    train = TrainSettings(**{"batch": 8, "epochs": 0.5, "max_length": 512, "rank": 4, **more})
    return make_adapter(pairs, Settings(train=train), base, Registry(home), "o/r", reporter)


@pytest.fixture(scope="module")
def made(base: BaseModel, team: list[Pair], tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(base, team, tmp_path_factory.mktemp("home"))


def test_qlora_leaves_a_whole_adapter(made: Made, base: BaseModel) -> None:
    card = load_card(made.folder)
    assert set(card.files) == {
        WEIGHTS,
        "adapter_config.json",
        METRICS,
        INDEX_FILE,
        GATE_FILE,
        CHEAP_GATE_FILE,
        TOPICS_FILE,
    }
    assert (card.mode, card.base_sha256, card.scoring["precision"]) == (
        "qlora",
        base.sha256,
        "nf4" if pick_dtype("auto", "cpu") == "bfloat16" else "nf4-fp32",
    )
    assert card.lora is not None and card.lora.rank == 4
    assert {"held_out_loss", "held_out_loss_base"} <= set(card.metrics)
    assert made.plan.trainable < made.plan.total / 2
    assert "/" not in (made.folder / "adapter_config.json").read_text().replace(base.name, "")


@pytest.mark.parametrize(("mode", "precision"), [("lora", "bf16"), ("full", "bf16")])
def test_other_modes_train_and_load_too(
    base: BaseModel, team: list[Pair], tmp_path: Path, mode: str, precision: Precision
) -> None:
    made = make(base, team, tmp_path, mode=mode, learning_rate=1e-2)
    assert (made.folder / WHOLE).exists() == (mode == "full")
    assert (made.folder / WEIGHTS).exists() == (mode == "lora")
    question = [render_question(make_window("+x = 1"))]
    plain = LocalEngine(base, None, precision=precision).score(question)
    assert LocalEngine(base, made.folder, precision=precision).score(question) != plain


def test_the_loaded_adapter_has_the_loss_that_training_measured(
    made: Made, base: BaseModel, team: list[Pair]
) -> None:
    engine = LocalEngine(base, made.folder, precision="nf4", max_length=512)
    pairs = [pair for pair in team if pair.split == "validation"]
    samples = make_samples(engine.chat, pairs, 512).samples
    again = held_out_loss(engine.model, samples)
    assert again == pytest.approx(made.card.metrics["held_out_loss"], rel=1e-3)


def test_an_adapter_of_another_base_of_the_same_shape_is_refused(
    made: Made, tmp_path: Path
) -> None:
    other = tiny_base(tmp_path, seed=2)
    with pytest.raises(AdapterError, match="use its own base"):
        LocalEngine(other, made.folder)


def test_weights_of_another_shape_are_one_line(made: Made, base: BaseModel, tmp_path: Path) -> None:
    folder = copied(made.folder, tmp_path)
    weights = {name: value[:, :1] for name, value in load_file(folder / WEIGHTS).items()}
    save_file({name: value.contiguous() for name, value in weights.items()}, folder / WEIGHTS)
    reseal(folder)
    with pytest.raises(AdapterError, match="does not fit its base"):
        LocalEngine(base, folder)


def test_weights_that_are_not_finite_are_refused_on_load(
    made: Made, base: BaseModel, tmp_path: Path
) -> None:
    folder = copied(made.folder, tmp_path)
    weights = load_file(folder / WEIGHTS)
    next(iter(weights.values()))[0, 0] = float("nan")
    save_file(weights, folder / WEIGHTS)
    reseal(folder)
    with pytest.raises(AdapterError, match="not finite"):
        LocalEngine(base, folder)


def test_ctrl_c_leaves_no_half_adapter(base: BaseModel, team: list[Pair], tmp_path: Path) -> None:
    @contextmanager
    def interrupting(_plan: Plan) -> Iterator[Report]:
        def report(*_: Any) -> None:
            raise KeyboardInterrupt

        yield report

    with pytest.raises(KeyboardInterrupt):
        make(base, team, tmp_path, interrupting)
    assert list((tmp_path / "adapters").glob("o/r/*")) == []


def test_without_validation_pairs_the_run_goes_to_its_end(
    base: BaseModel, team: list[Pair], tmp_path: Path
) -> None:
    made = make(base, [pair for pair in team if pair.split == "train"], tmp_path)
    assert made.done.steps == made.plan.steps
    assert "held_out_loss" not in load_card(made.folder).metrics
    assert made.gate is None


def test_ambiguous_pairs_are_not_trained_on(base: BaseModel, team: list[Pair]) -> None:
    unclear = make_pair(make_window("+x"), kind="ambiguous")
    settings = TrainSettings(max_length=512)
    counted = [prepare(pairs, settings, base).plan.pairs for pairs in (team, [*team, unclear])]
    assert counted[0] == counted[1] == sum(pair.split == "train" for pair in team)


def test_too_few_pairs_are_refused(base: BaseModel, team: list[Pair]) -> None:
    with pytest.raises(ConfigError, match="1 pairs to train on; at least 2"):
        prepare(team[:1], TrainSettings(), base)


def test_pairs_that_do_not_fit_are_refused(base: BaseModel) -> None:
    pairs = [make_pair(make_window(f"+x = {n}"), "word " * 300) for n in range(2)]
    with pytest.raises(ConfigError, match=r"no pair fits into train\.max_length = 64"):
        prepare(pairs, TrainSettings(max_length=64), base)


def test_copies_are_trained_on_and_nothing_else_knows_them(
    base: BaseModel, team: list[Pair], tmp_path: Path
) -> None:
    augment = AugmentSettings(phrasings=3, jitter=1)
    train = TrainSettings(batch=8, epochs=0.2, max_length=512, rank=4)
    settings = Settings(train=train, augment=augment)
    made = make_adapter(team, settings, base, Registry(tmp_path), "o/r", silent)
    taught = sum(pair.split == "train" for pair in team)
    assert made.copies.copies == made.plan.copies == made.plan.pairs - taught > 0
    assert made.card.data_sha256 == digest_pairs(team)
    assert made.card.metrics["copies"] == made.plan.copies
    tried = {name: value for name, value in made.card.metrics.items() if name.startswith(TRIED)}
    assert set(tried) == {f"{TRIED}{way}" for way in get_args(Way)}
    assert tried[f"{TRIED}{made.card.scoring['way']}"] == max(tried.values())
    assert list(read_jsonl(made.folder / INDEX_FILE, IndexEntry)) == index_entries(team)
    assert f"{made.plan.copies} of them copies" in plan_text(made.plan)
    assert f"jitter: {made.plan.copies} copies" in made_text(made)


def test_messages_are_reworded_by_the_base_itself_or_by_a_server(
    base: BaseModel, tmp_path: Path
) -> None:
    said = "Use the logger instead of print in this place."
    other = "Instead of print, please use the logger here."
    pairs = [make_pair(make_window("+print(x)"), said)]
    settings = Settings(augment=AugmentSettings(paraphrase=1))
    assert grow(pairs, settings, base, tmp_path).tally.kept == {"paraphrase": 0}
    with CompletionServerFake(lambda _prompt: other).serve() as server:
        asked = AugmentSettings(paraphrase=1, engine=server.url, engine_model="m")
        found = grow(pairs, Settings(augment=asked), base, tmp_path)
    assert [pair.response for pair in found.pairs] == [f"R1\n{said}", f"R1\n{other}"]


def copied(folder: Path, to: Path) -> Path:
    target = to / folder.name
    target.mkdir()
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def reseal(folder: Path) -> None:
    """Hashes that fit the changed files, as an attacker would write them."""
    card = load_card_unchecked(folder)
    write_card(folder, msgspec.structs.replace(card, files=hash_files(folder)))


def load_card_unchecked(folder: Path) -> Any:
    from postil.records import AdapterCard

    return msgspec.json.decode((folder / CARD).read_bytes(), type=AdapterCard)


def test_torch_is_deterministic_enough_to_compare(base: BaseModel) -> None:
    question = [render_question(make_window("+x = 1"))]
    scores = [LocalEngine(base, None, precision="nf4").score(question)[0] for _ in range(2)]
    assert scores[0] == scores[1] and torch.isfinite(torch.tensor(scores)).all()
