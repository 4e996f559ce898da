"""bot/hosts/limits.py: cut and folded texts fit, and are still known to be ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.hosts import LineComment
from bot.hosts.limits import fit, fold, split_marker
from postil.marker import Marker, read_marker, render_marker

KEY = b"key"
MARKER = Marker(place="p" * 64, fingerprint="f" * 64, head_sha="a" * 40, adapter="team")
TAIL = "\n\n" + render_marker(MARKER, KEY)

TEXTS = st.text(alphabet="ab`~ \n", max_size=60) | st.integers(0, 3000).map(lambda n: n * "x")


def comment(body: str, path: str = "a.py") -> LineComment:
    """A comment on line 3."""
    return LineComment(path=path, side="LEFT", line=3, start_line=2, body=body)


@given(TEXTS, st.integers(900, 2000))
def test_a_cut_text_fits_and_keeps_its_marker(text: str, limit: int) -> None:
    cut = fit(text + TAIL, limit)
    assert len(cut) <= limit
    assert read_marker(cut, KEY) == MARKER


def test_a_text_that_fits_is_left_alone() -> None:
    assert fit("short" + TAIL, 2000) == "short" + TAIL


def test_a_fence_that_was_cut_is_closed() -> None:
    cut = fit("see\n````python\n" + "x" * 900, 200)
    assert "\n````\n\n*(cut" in cut


@pytest.mark.parametrize("text", ["```\ncode\n```\n" + "y" * 900, "~~~\na\n```\n~~~\n" + "y" * 900])
def test_a_closed_fence_is_not_closed_again(text: str) -> None:
    assert fit(text, 200).count("```") + fit(text, 200).count("~~~") == text.count(
        "```"
    ) + text.count("~~~")


def test_a_marker_in_the_middle_is_no_marker_of_the_text() -> None:
    text = f"quoted{TAIL} and more"
    assert split_marker(text) == (text, "")


def test_a_folded_review_says_where_and_what() -> None:
    body = fold("Summary." + TAIL, [comment("First."), comment("Second.", "b`c.py")])
    assert body.startswith("Summary.")
    assert "**`a.py` lines 2-3 (before the change)**\n\nFirst." in body
    assert "**`b'c.py` lines 2-3 (before the change)**\n\nSecond." in body
    assert body.endswith(TAIL)


@given(TEXTS, st.lists(TEXTS, max_size=8), st.integers(1500, 4000))
def test_a_folded_review_fits_and_counts_what_did_not(
    text: str, said: list[str], limit: int
) -> None:
    body = fold(text + TAIL, [comment(one) for one in said], limit)
    assert len(body) <= limit
    assert read_marker(body, KEY) == MARKER
    shown = body.count("**`a.py` lines 2-3")
    assert shown == len(said) or f"*({len(said) - shown} more remarks did not fit)*" in body
