"""A small adapter of the real embedded model, made once for all slow tests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from bot.demo.run import REPO, SETTINGS, mine_and_build
from bot.demo.team import Team, build_team
from finetune.adapters import Registry
from finetune.base_model import find_base
from finetune.gate import GATE_FILE, read_gate, write_gate
from finetune.making import Made, make_adapter
from finetune.training.loop import Report
from finetune.training.train import Plan
from postil.records import Pair
from postil.settings import parse_settings
from tests.finetune.builders import FORCED
from tests.openapi import Description


@contextmanager
def quiet(_: Plan) -> Iterator[Report]:
    yield lambda _: None


def a_few(pairs: tuple[Pair, ...]) -> list[Pair]:
    """64 pairs to train on, eight held out, twenty to calibrate on; half of them remarks."""
    chosen: list[Pair] = []
    for part, count in (("train", 64), ("validation", 8), ("calibration", 20)):
        for kind in ("remark", "silence"):
            chosen += [p for p in pairs if (p.split, p.kind) == (part, kind)][: count // 2]
    return chosen


@pytest.fixture(scope="session")
def description() -> Description:
    """GitHub's whole description of its API; without it these tests fail."""
    return Description.load_whole(Path(__file__).parents[2] / "build")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    return build_team(tmp_path_factory.mktemp("team"))


@pytest.fixture(scope="session")
def made(team: Team, home: Path) -> Made:
    settings = parse_settings(SETTINGS, "sample")
    pairs = a_few(mine_and_build(team, settings, home).pairs)
    base = find_base("smollm2-135m", home)
    return make_adapter(pairs, settings, base, Registry(home), REPO, quiet)


@pytest.fixture(scope="session")
def talkative(made: Made, home: Path) -> Path:
    """The same adapter with a gate that lets everything through, promoted: it learned too little
    to be let speak by its own."""
    registry = Registry(home)
    with registry.workspace(REPO) as folder:
        shutil.copytree(made.folder, folder, dirs_exist_ok=True)
        (folder / "card.json").unlink()
        gate = read_gate(folder / GATE_FILE)
        write_gate(folder / GATE_FILE, msgspec.structs.replace(gate, threshold=0.0))
        published = registry.publish(folder, msgspec.structs.replace(made.card, threshold=0.0))
    registry.promote(REPO, published, FORCED)
    return published
