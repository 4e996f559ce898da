"""`postil dataset` as people call it, on the sample team's archive."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.demo.team import build_team
from mining.commands import mine
from mining.dataset_commands import dataset

REPO = "tidewater/harbor"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with the sample team mined, and its settings in the folder we are in."""
    team = build_team(tmp_path / "team")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTIL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("POSTIL_DATABASE_URL", raising=False)
    (tmp_path / "postil.toml").write_text("[mining]\nmin_words = 3\n", encoding="utf-8")
    where = ["--source", f"archive:{team.archive}", "--clone", str(team.repository)]
    done = CliRunner().invoke(mine, [*where, "--repo", REPO], catch_exceptions=False)
    assert done.exit_code == 0
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
