"""The real embedded model: fetched, fine-tuned in NF4, and reviewing from its own process."""

import json
import os
from pathlib import Path

import pytest

from bot.demo.run import SETTINGS
from bot.demo.team import Team
from bot.model.opening import open_model
from bot.review import review
from finetune.cards import load_card
from finetune.making import Made
from mining.paths import skipped_path
from postil.diff import parse_diff
from postil.settings import Settings, parse_settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # the libraries' own, with a real model
]


def test_a_few_steps_of_qlora_lower_the_held_out_loss(made: Made) -> None:
    assert made.plan.mode == "qlora"
    assert made.done.steps == 48
    assert made.done.best_loss < made.done.first_loss


def test_the_published_adapter_is_what_its_card_says(made: Made) -> None:
    card = load_card(made.folder)
    assert card.base == "smollm2-135m"
    assert {"adapter_model.safetensors", "adapter_config.json", "gate.json", "index.jsonl"} <= set(
        card.files
    )
    config = json.loads((made.folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == "smollm2-135m"  # no path of this machine


def test_it_reviews_an_unseen_change_from_its_own_process(
    made: Made, home: Path, team: Team
) -> None:
    diff = (team.unseen / team.truth.pulls[0].diff).read_text(encoding="utf-8")
    files = parse_diff(diff)
    settings: Settings = parse_settings(SETTINGS, "sample")
    with open_model(made.folder, home, os.environ) as model:
        reviewed = review(diff, model, settings.review)
    assert set(reviewed.reviewed) == {f.path for f in files if not skipped_path(f.path, ())}
    rows = [(f.path, line) for f in files for hunk in f.hunks for line in hunk.lines]
    lines = {(path, "RIGHT", line.new) for path, line in rows}
    lines |= {(path, "LEFT", line.old) for path, line in rows}
    assert all((f.span.path, f.span.side, f.span.end) in lines for f in reviewed.findings)
