"""Which comments are commands, and that none carries more than one word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.door.commands_in_comments import Command, read_command


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("/postil review", "review"),
        ("/postil  Review \r\nthank you", "review"),
        ("\n/POSTIL pause", "pause"),
        ("/postil resume", "resume"),
        ("/postil explain", "explain"),
        ("/postil help", "help"),
        ("/postil", "help"),
        ("/postil merge", "help"),
        ("/postil review https://evil.example", "help"),
        ("/postil review --config=x", "help"),
        ("", None),
        ("looks good", None),
        ("/postilion review", None),
        ("please /postil review", None),
        ("> /postil review", None),
        ("    /postil review", None),
        ("`/postil review`", None),
        ("hello\n/postil review", None),
    ],
)
def test_the_first_line_is_the_command(body: str, command: Command | None) -> None:
    assert read_command(body) == command


@given(st.text(max_size=200))
def test_any_text_is_read(body: str) -> None:
    assert read_command(body) in (None, "help", "review", "pause", "resume", "explain")
    assert read_command(f"/postil review\n{body}") == "review"
