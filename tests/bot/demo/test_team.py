"""The repository of the sample team: the same each time, sound, and as planned."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bot.demo.pieces import Content
from bot.demo.plan import UNNOTICED
from bot.demo.team import Team, build_team
from postil.errors import ConfigError
from tests.bot.demo.house_rules import find_faults
from tests.bot.demo.reading import git


def test_the_same_seed_gives_the_same_bytes(team: Team, tmp_path: Path) -> None:
    again = build_team(tmp_path)
    refs = git(team.repository, "for-each-ref", "--format=%(refname) %(objectname)")
    assert git(again.repository, "for-each-ref", "--format=%(refname) %(objectname)") == refs
    for folder in ("archive", "unseen"):
        ours = {
            path.relative_to(tmp_path): path.read_bytes()
            for path in (tmp_path / folder).rglob("*.*")
        }
        root = team.repository.parent
        assert ours == {
            path.relative_to(root): path.read_bytes() for path in (root / folder).rglob("*.*")
        }


def test_another_seed_gives_another_history(team: Team, tmp_path: Path) -> None:
    other = build_team(tmp_path, seed=7)
    main = git(team.repository, "rev-parse", "main")
    assert git(other.repository, "rev-parse", "main") != main


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="not empty"):
        build_team(tmp_path)


def test_git_finds_the_repository_sound_and_clean(team: Team) -> None:
    assert git(team.repository, "fsck", "--strict", "--no-progress") == ""
    assert git(team.repository, "status", "--porcelain") == ""


def test_merged_pulls_are_in_main_and_the_others_are_not(team: Team) -> None:
    merged = set(git(team.repository, "rev-list", "main").split())
    for pull in team.pulls:
        head = git(team.repository, "rev-parse", f"refs/pull/{pull.plan.number}/head").strip()
        assert (head in merged) == pull.plan.is_merged


def test_a_merge_brings_exactly_what_its_branch_changed(team: Team) -> None:
    rows = git(team.repository, "rev-list", "--merges", "--parents", "main").splitlines()
    for merge, main, head in map(str.split, rows[:20]):
        base = git(team.repository, "merge-base", main, head).strip()
        brought = git(team.repository, "diff", "--name-only", main, merge)
        assert brought == git(team.repository, "diff", "--name-only", base, head)


def test_main_breaks_the_rules_only_where_nobody_noticed(team: Team) -> None:
    found = [
        rule
        for path in sorted((team.repository / "harbor").glob("*.py"))
        for _, rule in find_faults(path.read_text(encoding="utf-8"))
    ]
    missed = [
        str(piece.rule)
        for pull in team.pulls
        for piece, fate in pull.plan.pieces
        if fate == "unnoticed"
    ]
    assert sorted(found) == sorted(missed)
    assert len(missed) == UNNOTICED


def test_the_history_knows_two_renames_a_deletion_and_a_force_push(
    team: Team, records: list[dict[str, Any]]
) -> None:
    renames = git(
        team.repository,
        "log",
        "--no-merges",
        "-M",
        "--diff-filter=R",
        "--format=",
        "--name-status",
        "main",
    )
    assert renames.count("\tharbor/") == 4
    deleted = git(
        team.repository,
        "log",
        "--no-merges",
        "-M",
        "--diff-filter=D",
        "--format=",
        "--name-only",
        "main",
    )
    assert deleted.split() == ["harbor/telegrams.py"]
    pushed = [
        record
        for record in records
        if any(event["event"] == "head_ref_force_pushed" for event in record["events"])
    ]
    assert len(pushed) == 1
    head = pushed[0]["pull"]["head"]["sha"]
    old = {comment["original_commit_id"] for comment in pushed[0]["comments"]} - {head}
    assert len(old) == 1
    assert git(team.repository, "branch", "-a", "--contains", *old) == ""
    assert not old & set(git(team.repository, "rev-list", "main", head).split())


def test_every_broken_piece_of_the_history_is_used_once(team: Team, content: Content) -> None:
    used = Counter(piece.id for pull in team.pulls for piece, _ in pull.plan.pieces)
    assert used == Counter(piece.id for piece in content.select("history"))
    for pull in team.pulls:
        assert 3 <= len(pull.placements) <= 6
        assert 2 <= len({placement.module for placement in pull.placements}) <= 4


def test_each_piece_makes_a_hunk_of_its_own(team: Team, records: list[dict[str, Any]]) -> None:
    for pull, record in zip(team.pulls, records, strict=True):
        first = next(event["sha"] for event in record["events"] if event["event"] == "committed")
        diff = git(team.repository, "diff", "-M", f"{first}^", first)
        assert diff.count("\n@@ ") == len(pull.placements) + (pull.plan.kind == "delete")
