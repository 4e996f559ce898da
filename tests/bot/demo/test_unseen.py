"""The truth about the unreviewed pull requests is true."""

from __future__ import annotations

import msgspec

from bot.demo.pieces import Content
from bot.demo.team import Team
from bot.demo.unseen import Truth
from tests.bot.demo.house_rules import find_faults
from tests.bot.demo.reading import file_lines, git


def test_the_truth_promises_enough_of_both_kinds(team: Team) -> None:
    pulls = team.truth.pulls
    assert len(pulls) == 16
    violations = [violation for pull in pulls for violation in pull.violations]
    assert len(violations) >= 60
    assert len({violation.rule for violation in violations}) == 12
    assert sum(len(pull.clean) for pull in pulls) >= 120


def test_the_truth_can_be_read_back_from_its_file(team: Team) -> None:
    raw = (team.unseen / "truth.json").read_bytes()
    assert msgspec.json.decode(raw, type=Truth) == team.truth
    for pull in team.truth.pulls:
        shown = (team.unseen / pull.diff).read_text(encoding="utf-8")
        assert shown == git(team.repository, "diff", "-U3", pull.base, pull.head)
        assert shown.count("\n@@ ") == len(pull.violations) + len(pull.clean)


def test_the_checker_agrees_with_the_truth(team: Team) -> None:
    for pull in team.truth.pulls:
        paths = {one.path for one in pull.violations} | {one.path for one in pull.clean}
        for path in paths:
            found = find_faults("\n".join(file_lines(team.repository, pull.head, path)))
            old = find_faults("\n".join(file_lines(team.repository, pull.base, path)))
            planted = [one for one in pull.violations if one.path == path]
            assert len(found) == len(old) + len(planted)
            for one in planted:
                inside = [rule for line, rule in found if one.line <= line <= one.end]
                assert inside == [one.rule]
            for stretch in (one for one in pull.clean if one.path == path):
                assert not [1 for line, _ in found if stretch.start <= line <= stretch.end]


def test_a_truth_line_is_the_first_faulty_line_of_its_piece(team: Team, content: Content) -> None:
    faulty = {(piece.broken(), piece.fault) for piece in content.pieces if piece.form == "broken"}
    met = set()
    for pull in team.truth.pulls:
        for one in pull.violations:
            lines = file_lines(team.repository, pull.head, one.path)
            met.add((lines[one.start - 1 : one.end], one.line - one.start + 1))
    assert met == faulty
