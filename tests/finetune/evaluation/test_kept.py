"""What was measured lies beside the adapter, which stays as its card says."""

from pathlib import Path

import pytest

from finetune.adapters import Registry
from finetune.cards import load_card
from finetune.evaluation.kept import (
    REPORT,
    SCORECARD,
    evaluations_folder,
    keep_evaluation,
    kept_report,
)
from finetune.evaluation.scorecard import read_scorecard
from mining.tallies import TALLIES, write_tallies
from postil.errors import AdapterError, ConfigError
from tests.finetune.evaluation.scorecards import DATA, make_scorecard
from tests.finetune.evaluation.scorecards import TALLIES as COUNTS
from tests.finetune.test_adapters import publish


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return publish(Registry(tmp_path), data_sha256=DATA)


def test_figures_and_report_are_kept_and_the_adapter_stays_whole(
    tmp_path: Path, adapter: Path
) -> None:
    card = make_scorecard()
    report = keep_evaluation(tmp_path, "o/r", adapter, card)
    assert report == tmp_path / "evaluations" / "o/r" / adapter.name / REPORT
    assert read_scorecard(report.with_name(SCORECARD)) == card
    assert kept_report(tmp_path, "o/r", adapter) == report.read_text()
    load_card(adapter)


def test_the_report_shows_what_is_at_hand_when_it_is_made(tmp_path: Path, adapter: Path) -> None:
    report = keep_evaluation(tmp_path, "o/r", adapter, make_scorecard())
    assert "kept: tier B" not in report.read_text()
    folder = tmp_path / "datasets" / "o/r"
    folder.mkdir(parents=True)
    write_tallies(folder / TALLIES, COUNTS)
    assert "kept: tier B" in kept_report(tmp_path, "o/r", adapter)


def test_without_an_evaluation_it_says_what_to_do(tmp_path: Path, adapter: Path) -> None:
    with pytest.raises(ConfigError, match=f"run `postil evaluate {adapter.name} --repo o/r`"):
        kept_report(tmp_path, "o/r", adapter)


def test_a_repository_cannot_name_a_folder_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="not a repository name"):
        evaluations_folder(tmp_path, "../../etc", "a")
