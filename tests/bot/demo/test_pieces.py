"""The pieces break the rule they say, and no other."""

from __future__ import annotations

import ast
import io
import keyword
import tokenize
from collections import Counter
from pathlib import Path

import pytest

from bot.demo.pieces import Content, Piece, read_content
from postil.errors import ConfigError
from tests.bot.demo.house_rules import find_faults
from tests.bot.demo.reading import source


def test_every_piece_parses_in_both_versions(content: Content) -> None:
    for piece in content.pieces:
        for lines in (piece.broken(), piece.repaired()):
            ast.parse(source(lines), filename=piece.id)


def test_the_checker_finds_exactly_the_planted_fault(content: Content) -> None:
    for piece in content.pieces:
        if piece.rule is not None:
            found = find_faults(source(piece.broken()))
            at_fault = range(piece.fault, piece.fault + piece.fault_lines)
            assert [rule for _, rule in found] == [piece.rule], piece.id
            assert found[0][0] in at_fault, piece.id


def test_the_checker_finds_nothing_in_repaired_and_neutral_pieces(content: Content) -> None:
    for piece in content.pieces:
        assert find_faults(source(piece.repaired())) == [], piece.id


def test_twelve_rules_have_enough_pieces_and_remarks(content: Content) -> None:
    assert len(content.rules) == 12
    broken = Counter(piece.rule for piece in content.select("history") if piece.rule)
    assert set(broken) == {rule.slug for rule in content.rules}
    assert min(broken.values()) >= 20
    assert all(len(set(rule.remarks)) >= 12 for rule in content.rules)


def test_no_unseen_piece_resembles_one_of_the_history(content: Content) -> None:
    past = [
        (piece.id, shingles)
        for piece in content.select("history")
        for shingles in piece_shingles(piece)
    ]
    for piece in content.select("unseen"):
        for mine in piece_shingles(piece):
            for other, theirs in past:
                assert len(mine & theirs) < 0.5 * len(mine | theirs), (piece.id, other)


def piece_shingles(piece: Piece) -> list[set[tuple[str, ...]]]:
    """The 4-shingles of its tokens, every name the same, of each version."""
    versions = {piece.broken(), piece.repaired()}
    found = []
    for lines in sorted(versions):
        tokens = [
            "name"
            if token.type == tokenize.NAME and not keyword.iskeyword(token.string)
            else tokenize.tok_name[token.type]
            if not token.string.strip()
            else token.string
            for token in tokenize.generate_tokens(io.StringIO(source(lines)).readline)
            if token.type not in (tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER)
        ]
        found.append({tuple(tokens[at : at + 4]) for at in range(len(tokens) - 3)})
    return found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            'rule = "r"\nremarks = ["x"]\n[[piece]]\nuse = "history"\ncode = """\n*x = 1\n"""',
            "column",
        ),
        (
            'rule = "r"\nremarks = ["x"]\n[[piece]]\nuse = "history"\ncode = """\n x = 1\n"""',
            "one run",
        ),
        ('[[piece]]\nuse = "history"\ncode = """\n-x = 1\n"""', "neutral"),
        ('rule = "r"\nremarks = ["x"]\n[[piece]]\nuse = "unseen"\ncode = """\n-x = 1\n"""', "form"),
        ('rule = "r"\n[[piece]]\nuse = "history"\ncode = """\n-x = 1\n"""', "no remarks"),
        ('[[piece]]\nuse = "sometimes"\ncode = "x"', "sometimes"),
        ("", "no rule files"),
    ],
)
def test_a_badly_written_file_is_named_with_its_error(
    tmp_path: Path, text: str, complaint: str
) -> None:
    (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=complaint):
        read_content(tmp_path)
