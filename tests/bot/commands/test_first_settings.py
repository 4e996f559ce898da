"""`postil init`: a first postil.toml after looking at the repository."""

from pathlib import Path

import pytest

from bot.commands.first_settings import look_at, source_hint, write_settings
from postil.errors import SourceError
from postil.settings import Settings, TrainSettings, parse_settings
from tests.bot.tiny_home import run_postil
from tests.tiny_git import TinyGit


def test_what_is_seen_of_a_github_repository(tmp_path: Path) -> None:
    tiny = TinyGit(tmp_path / "repo")
    first = tiny.commit({"a.py": "x\n", "b.py": "y\n", "c.go": "z\n", "LICENSE": "w\n"})
    side = tiny.commit({"d.py": "x\n"})
    tiny.commit({"e.py": "x\n"}, parent=first)
    tiny.run("merge", "--quiet", "--no-ff", "-m", "merge", side)
    tiny.ref("refs/pull/3/head", side)
    tiny.run("remote", "add", "origin", "git@github.com:team/shop.git")
    looked = look_at(tiny.folder)
    assert (looked.repo, looked.merges, looked.github_pulls) == ("team/shop", 1, 1)
    assert looked.languages == {"python": 4, "go": 1}
    assert source_hint(looked).startswith("postil mine --source archive:DIR --clone ")


def test_a_gerrit_repository_can_be_mined_at_once(tmp_path: Path) -> None:
    tiny = TinyGit(tmp_path / "repo")
    sha = tiny.commit({"a.py": "x\n"})
    tiny.ref("refs/changes/01/1/meta", sha)
    tiny.ref("refs/changes/01/1/1", sha)
    looked = look_at(tiny.folder)
    assert looked.gerrit_changes == 1
    assert source_hint(looked) == f"postil mine --source gerrit:{tiny.folder}"


def test_an_empty_repository(tmp_path: Path) -> None:
    looked = look_at(TinyGit(tmp_path / "repo").folder)
    assert (looked.repo, looked.languages, looked.merges) == ("", {}, 0)
    with pytest.raises(SourceError):
        look_at(tmp_path)


WRITTEN = Settings(train=TrainSettings(mode="lora", learning_rate=1e-3, batch=4))


def test_what_is_written_are_the_defaults_but_for_the_small_base(tmp_path: Path) -> None:
    looked = look_at(TinyGit(tmp_path / "repo").folder)
    assert parse_settings(write_settings(looked), "x") == WRITTEN


def test_a_hostile_folder_name_stays_in_its_comment(tmp_path: Path) -> None:
    tiny = TinyGit(tmp_path / 'evil\n[server]\napi_url = "https://evil.example"\n')
    assert parse_settings(write_settings(look_at(tiny.folder)), "x") == WRITTEN


def test_the_command_writes_once_and_over_it_only_by_force(tmp_path: Path) -> None:
    tiny = TinyGit(tmp_path / "repo")
    done = run_postil("init", cwd=tiny.folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"wrote {tiny.folder / 'postil.toml'}\nnext: postil mine")
    again = run_postil("init", cwd=tiny.folder)
    assert again.returncode == 2 and "--force writes over it" in again.stderr
    assert run_postil("init", "--force", cwd=tiny.folder).returncode == 0
