"""From a review history to a quoted past remark with the real command, and without torch."""

from pathlib import Path

import pytest

from bot.demo.team import build_team
from tests.bot.tiny_home import run_postil

REPO = "tidewater/harbor"
SETTINGS = f"""
repo = "{REPO}"
[mining]
shares = [0.6, 0.05, 0.2, 0.15]
[train]
mode = "retrieval"
[review]
min_precision = 0.4
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with settings, and a torch that cannot be imported."""
    (tmp_path / "postil.toml").write_text(SETTINGS)
    (tmp_path / "poison").mkdir()
    (tmp_path / "poison" / "torch.py").write_text("raise ZeroDivisionError('torch was imported')")
    return tmp_path


def test_a_past_remark_is_quoted_with_its_link(work: Path) -> None:
    team = build_team(work / "team")

    def run(*words: str) -> tuple[str, str]:
        done = run_postil(*words, cwd=work, more={"PYTHONPATH": str(work / "poison")})
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    source = f"archive:{team.archive}"
    run("mine", "--source", source, "--clone", str(team.repository), "--repo", REPO)
    _, advice = run("dataset", "build")
    assert "recommended: postil train --mode retrieval" in advice
    made, advice = run("train")
    assert "no weights" in made and "recommended" not in advice
    (folder,) = (work / "postil-home" / "adapters" / REPO).iterdir()
    run("adapters", "promote", folder.name, "--force")
    index = (folder / "index.jsonl").read_text()
    quoted = 0
    for diff in sorted(team.unseen.glob("*.diff"))[:4]:
        said, _ = run("review", "--diff", str(diff))
        links = [line.rsplit(" ", 1)[-1] for line in said.split("\n") if "resembles" in line]
        assert all(link in index for link in links)
        quoted += said.count("  probability ")
        assert "on its memory alone" in said
        assert said.count("  probability ") <= len(links)
    assert quoted, "a gate that may be wrong in six of ten remarks says something of four changes"
    healthy, _ = run("doctor")
    assert "not needed: retrieval loads no model" in healthy
