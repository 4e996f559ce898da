"""The real embedded model: fetched, fine-tuned in NF4, and reviewing from its own process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from bot.demo.run import SETTINGS, mine_and_build
from bot.demo.team import Team, build_team
from bot.review import review
from bot.reviewers import open_model
from finetune.adapters import Registry, load_card
from finetune.base_model import find_base
from finetune.loop import Report
from finetune.making import Made, make_adapter
from finetune.train import Plan
from mining.paths import skipped_path
from postil.diff import parse_diff
from postil.records import Pair
from postil.settings import Settings, parse_settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # the libraries' own, with a real model
]


@contextmanager
def quiet(_: Plan) -> Iterator[Report]:
    yield lambda step, steps, loss, held_out: None


def a_few(pairs: tuple[Pair, ...]) -> list[Pair]:
    """Sixteen pairs to train on, eight held out, twenty to calibrate on; half of them remarks."""
    chosen: list[Pair] = []
    for part, count in (("train", 16), ("validation", 8), ("calibration", 20)):
        for kind in ("remark", "silence"):
            chosen += [p for p in pairs if (p.split, p.kind) == (part, kind)][: count // 2]
    return chosen


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    return build_team(tmp_path_factory.mktemp("team"))


@pytest.fixture(scope="module")
def made(team: Team, home: Path) -> Made:
    settings = parse_settings(SETTINGS, "sample")
    train = msgspec.structs.replace(settings.train, epochs=2)
    settings = msgspec.structs.replace(settings, train=train)
    pairs = a_few(mine_and_build(team, settings, home).pairs)
    base = find_base("smollm2-135m", home)
    return make_adapter(pairs, settings, base, Registry(home), "tidewater/harbor", quiet)


def test_a_few_steps_of_qlora_lower_the_held_out_loss(made: Made) -> None:
    assert made.plan.mode == "qlora"
    assert made.done.steps == 8
    assert made.done.best_loss < made.done.first_loss


def test_the_published_adapter_is_what_its_card_says(made: Made) -> None:
    card = load_card(made.folder)
    assert card.base == "smollm2-135m"
    assert {"adapter_model.safetensors", "adapter_config.json", "gate.json", "index.jsonl"} <= set(
        card.files
    )


def test_it_reviews_an_unseen_change_from_its_own_process(
    made: Made, home: Path, team: Team
) -> None:
    diff = (team.unseen / team.truth.pulls[0].diff).read_text(encoding="utf-8")
    files = parse_diff(diff)
    settings: Settings = parse_settings(SETTINGS, "sample")
    with open_model(made.folder, home, os.environ) as model:
        reviewed = review(diff, model, settings.review)
    assert set(reviewed.reviewed) == {f.path for f in files if not skipped_path(f.path, ())}
    lines = {(f.path, line.new) for f in files for hunk in f.hunks for line in hunk.lines}
    assert all((f.span.path, f.span.end) in lines for f in reviewed.findings)
