"""Markers are known again only when we signed them."""

from hypothesis import given
from hypothesis import strategies as st

from postil.marker import Marker, fingerprint, place_key, read_marker, render_marker

KEY = b"k" * 32
MARKER = Marker(place="p", fingerprint="f", head_sha="abc", adapter="a-->b")


def test_a_rendered_marker_is_read_back() -> None:
    assert read_marker(f"Some text\n{render_marker(MARKER, KEY)}\n", KEY) == MARKER


def test_another_key_or_a_changed_marker_is_nothing() -> None:
    text = render_marker(MARKER, KEY)
    assert read_marker(text, b"other") is None
    assert read_marker(text.replace("<!-- postil:1 ey", "<!-- postil:1 eY"), KEY) is None


def test_our_marker_is_found_behind_a_forged_one() -> None:
    forged = "<!-- postil:1 e30= " + "0" * 64 + " -->"
    assert read_marker(render_marker(MARKER, KEY) + forged, KEY) == MARKER


@given(st.text(max_size=200))
def test_no_text_is_a_marker_by_chance(text: str) -> None:
    assert read_marker(text, KEY) is None


def test_a_signed_payload_that_is_no_marker_is_nothing() -> None:
    other = Marker(place="", fingerprint="", head_sha="", adapter="")
    text = render_marker(other, KEY)
    assert read_marker(text, KEY) == other


def test_the_place_follows_content_not_line_numbers() -> None:
    def key(**changes: object) -> str:
        values: dict[str, object] = {
            "repo": "O/R",
            "pull": 1,
            "path": "a.py",
            "lines": ("x = 1",),
            "around": ("", "y"),
            "occurrence": 0,
        }
        return place_key(**(values | changes))  # type: ignore[arg-type]

    assert key() == key(repo="o/r") == key(lines=("  x = 1  ",))
    others = [key(pull=2), key(path="b"), key(lines=("x = 2",)), key(occurrence=1)]
    assert len({key(), *others}) == 5


def test_a_fingerprint_ignores_spacing_but_not_words() -> None:
    assert fingerprint("p", "a  b\n") == fingerprint("p", "a b")
    assert fingerprint("p", "a b") != fingerprint("p", "a c") != fingerprint("q", "a c")
