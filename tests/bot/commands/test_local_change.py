"""A change read on this machine, from real small repositories."""

import io
import sys
from pathlib import Path

import pytest

from bot.commands.local_change import (
    find_work_tree,
    read_diff_file,
    read_range,
    read_staged,
    repo_name,
)
from mining.repository import open_repository
from postil.diff import parse_diff
from postil.errors import ConfigError, SourceError, UsageError
from tests.tiny_git import TinyGit


@pytest.fixture
def tiny(tmp_path: Path) -> TinyGit:
    """main: a.py in two commits; topic parts from the first."""
    tiny = TinyGit(tmp_path / "repo")
    first = tiny.commit({"a.py": "x = 1\n"})
    tiny.run("branch", "topic")
    tiny.commit({"a.py": "x = 2\n"})
    tiny.commit({"b.py": "y = 1\n"}, parent=first)
    tiny.run("branch", "--force", "topic")
    tiny.run("checkout", "--quiet", "main")
    return tiny


def paths(diff: str) -> list[str]:
    return [file.path for file in parse_diff(diff)]


def test_a_range_of_commits(tiny: TinyGit) -> None:
    assert paths(read_range(tiny.folder, "main..topic")) == ["a.py", "b.py"]
    assert paths(read_range(tiny.folder, "main...topic")) == ["b.py"]
    assert paths(read_range(tiny.folder, "main~1..")) == ["a.py"]
    assert read_range(tiny.folder, "main..main") == ""


def test_from_a_folder_inside(tiny: TinyGit) -> None:
    inside = tiny.folder / "deep"
    inside.mkdir()
    assert paths(read_range(inside, "main~1..main")) == ["a.py"]
    assert find_work_tree(inside) == tiny.folder


@pytest.mark.parametrize("bad", ["main", "", "..main", "main....topic", "a b..c"])
def test_what_is_no_range_is_refused(bad: str, tiny: TinyGit) -> None:
    with pytest.raises(UsageError, match="expected A"):
        read_range(tiny.folder, bad)


@pytest.mark.parametrize("bad", ["nosuch..main", "main..nosuch", "--output=x..main"])
def test_an_unknown_commit_is_named(bad: str, tiny: TinyGit) -> None:
    with pytest.raises(UsageError, match="no such commit"):
        read_range(tiny.folder, bad)
    assert not (tiny.folder / "x").exists()


def test_two_histories_have_no_common_ancestor(tiny: TinyGit) -> None:
    tiny.run("checkout", "--quiet", "--orphan", "other")
    tiny.commit({"c.py": "z\n"})
    with pytest.raises(UsageError, match="no common ancestor"):
        read_range(tiny.folder, "main...other")


def test_what_is_staged_and_nothing_else(tiny: TinyGit) -> None:
    assert read_staged(tiny.folder) == ""
    (tiny.folder / "a.py").write_text("x = 3\n")
    assert read_staged(tiny.folder) == ""
    tiny.run("add", "a.py")
    (tiny.folder / "a.py").write_text("x = 4\n")
    assert "+x = 3" in read_staged(tiny.folder)


def test_before_the_first_commit_everything_staged_is_new(tmp_path: Path) -> None:
    tiny = TinyGit(tmp_path / "new")
    (tiny.folder / "a.py").write_text("x = 1\n")
    tiny.run("add", "a.py")
    (file,) = parse_diff(read_staged(tiny.folder))
    assert (file.path, file.change) == ("a.py", "added")


def test_an_index_with_conflicts_is_refused(tiny: TinyGit) -> None:
    blob = tiny.run("hash-object", "-w", "--stdin", text="x\n")
    entries = "".join(f"100644 {blob} {stage}\ta.py\n" for stage in (1, 2, 3))
    tiny.run("update-index", "--index-info", text=f"0 {'0' * 40}\ta.py\n{entries}")
    with pytest.raises(SourceError, match="conflicts"):
        read_staged(tiny.folder)


def test_outside_of_a_repository(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not inside a git repository"):
        read_staged(tmp_path)


def test_a_diff_file_and_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.diff").write_bytes(b"caf\xe9\r\n")
    assert read_diff_file(str(tmp_path / "x.diff")) == "caf\ufffd\r\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"text\n")))
    assert read_diff_file("-") == "text\n"
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_diff_file(str(tmp_path / "nosuch"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/team/shop.git", "team/shop"),
        ("https://user:not-a-password@github.com/team/shop", "team/shop"),
        ("git@github.com:team/shop.git", "team/shop"),
        ("ssh://git@example.org:2222/team/shop/", "team/shop"),
        ("", ""),
    ],
)
def test_the_repository_is_named_by_its_origin(url: str, name: str, tiny: TinyGit) -> None:
    if url:
        tiny.run("remote", "add", "origin", url)
    with open_repository(tiny.folder) as repository:
        assert repo_name(repository) == name
