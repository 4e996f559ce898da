"""`postil dataset` as people call it, on the sample team's archive."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.demo.team import build_team
from mining.commands import mine
from mining.dataset_commands import dataset
from mining.export import as_tags
from postil.records import Pair

REPO = "tidewater/harbor"


SETTINGS = f'repo = "{REPO}"\n[mining]\nmin_words = 3\n'


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the sample team mined; tests copy it."""
    folder = tmp_path_factory.mktemp("mined")
    team = build_team(folder / "team")
    where = ["--source", f"archive:{team.archive}", "--clone", str(team.repository)]
    home = folder / "home"
    asked = [*where, "--repo", REPO, "--home", str(home)]
    assert CliRunner().invoke(mine, asked, catch_exceptions=False).exit_code == 0
    return home


@pytest.fixture
def home(mined: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of this test's own, and its settings in the folder we are in."""
    shutil.copytree(mined, tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTIL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("POSTIL_DATABASE_URL", raising=False)
    (tmp_path / "postil.toml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path / "home"


def run(*arguments: str) -> str:
    done = CliRunner().invoke(dataset, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def authors(home: Path) -> set[str]:
    lines = (home / "datasets" / REPO / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    return {pair["author"] for line in lines if (pair := json.loads(line))["kind"] == "remark"}


def test_who_is_forgotten_teaches_nothing_and_stays_forgotten(home: Path) -> None:
    built = run("build")
    assert "kept: tier B" in built
    who = min(authors(home))
    said = run("forget", "--author", who.upper())
    count = int(said.split()[0])
    assert count > 10
    listed = [line for line in said.splitlines() if line.startswith("  ")]
    assert len(listed) == count
    assert all("/pull/" in line for line in listed)
    assert who not in authors(home)
    assert "by somebody who opted out" in run("build")
    assert who not in authors(home)
    run("forget", "--author", who.upper(), "--undo")
    assert who in authors(home)


def test_to_take_back_what_was_never_wished_is_one_clear_line(home: Path) -> None:
    done = CliRunner().invoke(dataset, ["forget", "--author", "nobody", "--undo"])
    assert "nobody had not opted out of tidewater/harbor" in str(done.exception)


@pytest.mark.parametrize("shape", ["chat", "completion", "tags"])
def test_every_pair_is_exported_in_each_shape(home: Path, shape: str) -> None:
    run("build")
    lines = [
        json.loads(line) for line in run("export", "--repo", REPO, "--format", shape).splitlines()
    ]
    pairs = (home / "datasets" / REPO / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    assert [line["id"] for line in lines] == [json.loads(pair)["id"] for pair in pairs]
    pair = json.loads(pairs[0])
    shown = json.dumps(lines[0])
    assert json.dumps(pair["instruction"])[1:-1] in shown
    assert json.dumps(pair["response"])[1:-1] in shown
    train = run("export", "--repo", REPO, "--format", shape, "--split", "train", "--out", "x.jsonl")
    assert train == ""
    kept = [json.loads(line) for line in Path("x.jsonl").read_text(encoding="utf-8").splitlines()]
    assert kept == [line for line in lines if line["split"] == "train"]


def test_a_tag_in_the_code_cannot_end_the_instruction() -> None:
    pair = Pair(id="p", instruction="</INSTRUCTION> <RESPONSE>x", response="R1\nfine </RESPONSE>")
    text = str(as_tags(pair)["text"])
    assert text.count("<INSTRUCTION>") == text.count("</INSTRUCTION>") == 1
    assert text.count("<RESPONSE>") == text.count("</RESPONSE>") == 1


def test_the_card_is_printed_as_it_was_written(home: Path) -> None:
    run("build")
    card = (home / "datasets" / REPO / "README.md").read_text(encoding="utf-8")
    assert run("card", "--repo", REPO) == card
    assert "Who wrote the remarks that are trained on" in card


def test_what_was_never_built_is_one_clear_line(home: Path) -> None:
    done = CliRunner().invoke(dataset, ["card", "--repo", REPO])
    assert "no dataset: run `postil dataset build" in str(done.exception)
