"""A review as workflow commands: on its lines, and unable to be other commands."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bot.output.annotations import MOST_SHOWN, render_annotations
from bot.saying.placement import place_all
from postil.diff import parse_diff
from tests.bot.fake_pulls import DIFF
from tests.bot.output.test_sarif import finding

FILES = parse_diff(DIFF)
COMMAND = re.compile(
    r"::warning file=[^,:\r\n]*(,line=\d+,endLine=\d+)?,title=Postil%2C probability 0\.88::"
)


def test_a_remark_is_shown_on_its_lines() -> None:
    (line,) = render_annotations(place_all([finding()], FILES))
    assert line == (
        "::warning file=shop/cart.py,line=11,endLine=12,title=Postil%2C probability 0.88::Why?"
    )


def test_no_more_than_are_shown() -> None:
    many = place_all([finding()] * (MOST_SHOWN + 3), FILES)
    assert len(render_annotations(many)) == MOST_SHOWN


@given(st.text(max_size=80))
def test_no_text_leaves_its_command(text: str) -> None:
    placed = place_all([finding(message=text)], FILES)
    (line,) = render_annotations(placed)
    assert COMMAND.match(line) and "\n" not in line and "\r" not in line
