"""An adapter without weights: what is in its folder, that it is the same again, and bad input."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from finetune.adapters import Registry
from finetune.cards import load_card
from finetune.evaluation.baselines import WITHOUT_MODEL
from finetune.gate import GATE_FILE, PRIOR_FILE, read_gate
from finetune.lexicon import LEXICON_FILE
from finetune.recall import INDEX_FILE, IndexEntry
from finetune.retrieval import MadeRetrieval, made_text, make_retrieval
from finetune.topics import TOPICS_FILE
from mining.advice import FEW_REMARKS, advise
from postil.cli import postil
from postil.errors import AdapterError, ConfigError, UsageError
from postil.records import Pair, read_jsonl, write_jsonl
from postil.settings import Settings
from tests.finetune.builders import RULES, make_pair, make_team, make_window

ROOT = Path(__file__).parents[2]
SETTINGS = Settings()


@pytest.fixture(scope="module")
def team() -> list[Pair]:
    return make_team(pulls=60)


def make(pairs: list[Pair], home: Path) -> MadeRetrieval:
    return make_retrieval(pairs, SETTINGS, Registry(home), "o/r")


def test_the_folder_holds_remarks_and_a_gate_and_no_weights(
    team: list[Pair], tmp_path: Path
) -> None:
    made = make(team, tmp_path)
    card = load_card(made.folder)
    assert set(card.files) == {INDEX_FILE, LEXICON_FILE, PRIOR_FILE, GATE_FILE, TOPICS_FILE}
    assert (card.mode, card.base, card.scoring["way"]) == ("retrieval", "", "recall")
    assert not card.has_weights
    entries = list(read_jsonl(made.folder / INDEX_FILE, IndexEntry))
    assert made.remarks == card.pairs == len(entries) > 0
    assert all(any(entry.message.startswith(rule) for rule in RULES.values()) for entry in entries)
    gate = read_gate(made.folder / GATE_FILE)
    assert set(gate.features) <= set(WITHOUT_MODEL.features)
    assert card.threshold == gate.threshold is not None
    assert f"remembers {made.remarks} accepted remarks; no weights" in made_text(made)


def test_the_same_pairs_give_the_same_adapter_in_every_process(
    team: list[Pair], tmp_path: Path
) -> None:
    """Sets of words have another order under another hash seed; the sums must not."""
    write_jsonl(tmp_path / "pairs.jsonl", team)
    code = "from postil.cli import main; main()"
    words = ["train", "--mode", "retrieval", "--pairs", "pairs.jsonl", "--repo", "o/r"]
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-P", "-c", code, *words, "--home", str(tmp_path)]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        assert "promote it: postil adapters promote" in done.stdout
    made = make(team, tmp_path)
    assert list(Registry(tmp_path).list("o/r")) == [made.folder]


def test_without_an_accepted_remark_nothing_is_published(tmp_path: Path) -> None:
    silent = [pair for pair in make_team(pulls=20) if pair.kind != "remark"]
    with pytest.raises(ConfigError, match="nothing to remember"):
        make(silent, tmp_path)
    elsewhere = [msgspec.structs.replace(make_pair(make_window("+x = 1"), "Name it."), window=None)]
    with pytest.raises(ConfigError, match="nothing to remember"):
        make(elsewhere, tmp_path)
    assert not list(Registry(tmp_path).list("o/r"))


def test_a_team_whose_commits_are_gone_is_remembered_and_not_spoken_to(
    team: list[Pair], tmp_path: Path
) -> None:
    """Stored hunks can be quoted from; where to speak cannot be learned from them."""
    gone = [msgspec.structs.replace(pair, located=False) for pair in team if pair.kind == "remark"]
    made = make(gone, tmp_path)
    assert made.remarks == sum(pair.split == "train" for pair in gone)
    assert load_card(made.folder).threshold is None


def test_without_a_calibration_part_it_never_speaks(team: list[Pair], tmp_path: Path) -> None:
    made = make([pair for pair in team if pair.split != "calibration"], tmp_path)
    card = load_card(made.folder)
    assert (made.gate, card.threshold, set(card.files)) == (
        None,
        None,
        {INDEX_FILE, LEXICON_FILE, PRIOR_FILE, TOPICS_FILE},
    )
    assert "never speaks" in made_text(made)


def test_it_lives_in_the_registry_like_any_other(
    team: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = make(team, tmp_path / "home")

    def run(*words: str) -> tuple[str, object]:
        done = CliRunner().invoke(postil, [*words, "--repo", "o/r", "--home", "home"])
        return done.output, done.exception

    assert isinstance(run("adapters", "promote", made.folder.name)[1], AdapterError)
    said, _ = run("adapters", "promote", made.folder.name, "--shadow")
    assert "in shadow" in said
    said, _ = run("adapters", "list")
    assert said.startswith("* ") and said.endswith(f"{made.remarks} remarks, no weights\n")
    said, _ = run("adapters", "show")
    assert msgspec.json.decode(said)["mode"] == "retrieval"
    _, fault = run("merge", made.folder.name, "--out", "merged")
    assert isinstance(fault, AdapterError) and "no weights" in str(fault)


@pytest.mark.parametrize("option", [("--base", "x"), ("--epochs", "2")])
def test_options_of_training_are_refused(
    team: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: tuple[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "pairs.jsonl", team)
    words = ["train", "--mode", "retrieval", "--pairs", "pairs.jsonl", "--home", "home", *option]
    done = CliRunner().invoke(postil, words)
    assert isinstance(done.exception, UsageError)


def test_a_dry_run_says_how_much_it_would_remember(
    team: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "postil.toml").write_text('[train]\nmode = "retrieval"\n')
    write_jsonl(tmp_path / "pairs.jsonl", team)
    words = ["train", "--pairs", "pairs.jsonl", "--home", "home", "--dry-run"]
    done = CliRunner().invoke(postil, words, catch_exceptions=False)
    assert "would remember" in done.stdout and "retrieval" not in done.stdout
    assert not (tmp_path / "home").exists()


def test_few_remarks_are_advised_to_be_quoted() -> None:
    remark = make_pair(make_window("+x = 1"), "Name it.")
    few = advise([remark] * (FEW_REMARKS - 1))
    assert few is not None and few.startswith("499 accepted remarks") and "\n" not in few
    assert advise([remark] * FEW_REMARKS) is None
    assert advise([msgspec.structs.replace(remark, window=None)]) is None
    assert advise([make_pair(make_window("+x = 1"))]) is None
