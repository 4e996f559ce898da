import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from safetensors.torch import load_file, save_file

from finetune.base_model import BaseModel
from finetune.cards import WEIGHTS, hash_files, load_card, write_card
from finetune.engines.local import LocalEngine
from finetune.engines.shelf import Shelf
from postil.answer import anchors
from postil.errors import AdapterError
from postil.prompt import render_question
from tests.fakes import tiny_base
from tests.finetune.builders import make_window
from tests.finetune.small_adapters import add_adapter

WINDOWS = [make_window("+x = 1", " y = 2"), make_window("-gone()"), make_window("+print(total)")]
QUESTIONS = [render_question(window) for window in WINDOWS]
PLACES = [anchors(window)[0] for window in WINDOWS]

Add = Callable[..., Path]


@pytest.fixture(scope="module")
def add(base: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> Add:
    home = tmp_path_factory.mktemp("home")
    return lambda **more: add_adapter(base, home, **more)


@pytest.fixture(scope="module")
def folders(add: Add) -> dict[str, Path]:
    return {
        "plain": add(seed=1, rank=4),
        "narrow": add(seed=2, rank=8, targets=("q_proj",)),
        "dora": add(seed=3, rank=2, dora=True),
        "rslora": add(seed=4, rank=4, rslora=True),
    }


def said(engine: LocalEngine) -> tuple[object, ...]:
    return (
        engine.score(QUESTIONS),
        engine.anchor_scores(QUESTIONS[0], anchors(WINDOWS[0])),
        engine.write(QUESTIONS, PLACES, 12),
    )


def places(shelf: Shelf) -> set[int]:
    """Where the base's own weights lie in memory."""
    own = shelf._model.named_parameters()
    return {p.data_ptr() for name, p in own if "lora_" not in name}


def test_what_a_shelf_says_is_what_an_engine_of_that_adapter_alone_says(
    base: BaseModel, folders: dict[str, Path]
) -> None:
    order = ["narrow", "plain", "dora", None, "narrow", "rslora", None, "dora", "plain"]
    alone = {name: said(LocalEngine(base, folders[name] if name else None)) for name in set(order)}
    assert len({str(value) for value in alone.values()}) == 5
    shelf = Shelf(base)
    before = places(shelf)
    for name in [None, *order]:
        with shelf.use(folders[name] if name else None) as engine:
            assert said(engine) == alone[name], name
    assert places(shelf) == before


def test_adapters_of_a_packed_or_unpacked_nf4_base_are_shelved_too(
    base: BaseModel, add: Add
) -> None:
    first, second = (add(seed=seed, mode="qlora") for seed in (5, 6))
    shelf = Shelf(base, precision="nf4")
    for folder in (first, second, first):
        with shelf.use(folder) as engine:
            assert said(engine) == said(LocalEngine(base, folder, precision="nf4"))


def test_the_least_recently_used_leaves_and_comes_back_the_same(
    base: BaseModel, folders: dict[str, Path]
) -> None:
    shelf = Shelf(base, held=2)
    a, b, c = folders["plain"], folders["narrow"], folders["dora"]
    with shelf.use(a) as engine:
        first = said(engine)
    for folder, held in ((b, (a, b)), (a, (b, a)), (c, (a, c)), (b, (c, b))):
        with shelf.use(folder):
            assert shelf.held == held
    names = {name.split(".")[-2] for name, _ in shelf._model.named_parameters() if "lora_A" in name}
    assert names == {b.name, c.name}
    with shelf.use(a) as engine:
        assert said(engine) == first


@pytest.mark.parametrize("at", [0, 1])
def test_a_damaged_adapter_does_not_disturb_the_others(
    base: BaseModel, folders: dict[str, Path], tmp_path: Path, at: int
) -> None:
    flipped, narrow = tmp_path / "flipped", tmp_path / "narrow"
    for folder in (flipped, narrow):
        shutil.copytree(folders["rslora"], folder)
    content = bytearray((flipped / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (flipped / WEIGHTS).write_bytes(content)
    cut = {name: value[:, :1].contiguous() for name, value in load_file(narrow / WEIGHTS).items()}
    reseal(narrow, cut)
    lacking = tmp_path / "lacking"
    shutil.copytree(folders["rslora"], lacking)
    reseal(lacking, dict(list(load_file(lacking / WEIGHTS).items())[1:]))
    good = [folders["plain"], folders["dora"]]
    alone = [said(LocalEngine(base, folder)) for folder in good]
    shelf = Shelf(base)
    for folder in good[:at]:
        with shelf.use(folder):
            pass
    for bad, why in ((flipped, "damaged"), (narrow, "not fit"), (lacking, "no weights for")):
        with pytest.raises(AdapterError, match=why) as refused, shelf.use(bad):
            pass
        assert "\n" not in str(refused.value)
    for folder, expected in zip(good, alone, strict=True):
        with shelf.use(folder) as engine:
            assert said(engine) == expected
    with shelf.use(None) as engine:
        assert said(engine) == said(LocalEngine(base, None))


def reseal(folder: Path, weights: object) -> None:
    card = load_card(folder)
    save_file(weights, folder / WEIGHTS)  # type: ignore[arg-type]
    write_card(folder, msgspec.structs.replace(card, files=hash_files(folder)))


def test_what_cannot_stand_on_this_base_is_refused_in_one_line(
    base: BaseModel, add: Add, tmp_path: Path
) -> None:
    shelf = Shelf(base)
    other = add_adapter(tiny_base(tmp_path / "other", seed=2), tmp_path, seed=1)
    refusals = {
        add(seed=1, mode="full"): "is a whole model",
        add(seed=9, mode="qlora"): "measured in nf4; this base is held in bf16",
        other: "use its own base",
    }
    for folder, why in refusals.items():
        with pytest.raises(AdapterError, match=why), shelf.use(folder):
            pass
    assert shelf.held == ()


def test_one_thread_at_a_time_owns_the_model(base: BaseModel, folders: dict[str, Path]) -> None:
    shelf = Shelf(base)
    names = ["plain", "dora", "narrow", "rslora"]
    alone = {name: LocalEngine(base, folders[name]).score(QUESTIONS) for name in names}
    wrong: list[str] = []

    def ask(name: str) -> None:
        for _ in range(4):
            with shelf.use(folders[name]) as engine:
                if engine.score(QUESTIONS) != alone[name]:
                    wrong.append(name)

    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    with shelf.use(None), pytest.raises(RuntimeError, match="one adapter at a time"):
        shelf.use(folders["plain"]).__enter__()
