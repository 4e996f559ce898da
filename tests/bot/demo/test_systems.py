"""What sits the sample team's exam without a model."""

from pathlib import Path

import pytest

from bot.demo.exam import RuleReader, exam_items, mark_system
from bot.demo.pieces import read_content
from bot.demo.run import REPO, SETTINGS, mine_and_build, render_results
from bot.demo.systems import WITHOUT_WEIGHTS, sit_baseline
from bot.demo.team import Team
from finetune.adapters import Registry
from finetune.evaluation.baselines import WITHOUT_MODEL
from finetune.recall import INDEX_FILE, Recall
from finetune.retrieval import make_retrieval
from postil.settings import parse_settings


def test_quoting_by_rows_names_the_rule_wherever_it_finds_the_line(
    team: Team, tmp_path: Path
) -> None:
    settings = parse_settings(SETTINGS, "the sample's postil.toml")
    built = mine_and_build(team, settings, tmp_path)
    made = make_retrieval(built.pairs, settings, Registry(tmp_path), REPO)
    recall = Recall.read(made.folder / INDEX_FILE)
    diffs = {p.number: (team.unseen / p.diff).read_text() for p in team.truth.pulls}
    items = exam_items(team.truth, diffs, settings.mining.window_lines)
    reader = RuleReader(read_content().rules)
    sat = sit_baseline(WITHOUT_MODEL, items, built.pairs, recall, settings.review)
    assert sat.name == WITHOUT_WEIGHTS
    quoting = mark_system(sat.name, sat.note, items, sat.answers, reader)
    assert quoting.precision.value is not None and quoting.precision.value > 0.45
    assert quoting.recall.value is not None and quoting.recall.value > 0.4
    assert quoting.rule.value == pytest.approx(quoting.recall.value, abs=0.03)
    shown = render_results([quoting]).splitlines()
    assert " ".join(shown[1].split()) == "precision recall right rule silent if clean AUC"
    assert shown[2].startswith(WITHOUT_WEIGHTS)
    assert f"{quoting.rule.value:.2f} (" in shown[2]
