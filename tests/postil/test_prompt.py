"""The question: every row carries its anchor, and nothing invisible gets through."""

import re
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from postil.answer import NO_COMMENT, row_letter
from postil.prompt import (
    INSTRUCTION,
    LONGEST_LINE,
    PHRASINGS,
    TEMPLATE,
    Precedent,
    render_empty_question,
    render_question,
    rephrase,
    reveal,
)
from postil.records import DiffLine, Window
from tests.postil.strategies import make_window


def test_a_question_reads_like_this() -> None:
    window = Window(
        path="app/fetch.py",
        language="python",
        lines=(
            DiffLine(kind=" ", text="def get(url):", old=1, new=1),
            DiffLine(kind="-", text="    pass", old=2),
            DiffLine(kind="+", text="    return requests.get(url)\r", new=2),
        ),
    )
    assert TEMPLATE == "postil-1"
    assert render_question(window) == (
        "Review this change. Answer NO_COMMENT, or a line and a remark.\n"
        "app/fetch.py\n"
        " def get(url): R1\n"
        "-    pass L2\n"
        "+    return requests.get(url) R3"
    )
    assert render_question(window).startswith(render_empty_question())


@given(make_window())
def test_every_row_is_printed_with_the_letter_and_number_its_anchor_needs(window: Window) -> None:
    rows = render_question(window).split("\n")[2:]
    for number, (line, row) in enumerate(zip(window.lines, rows, strict=True), 1):
        assert row.startswith(line.kind)
        assert row.endswith(f" {row_letter(line.kind)}{number}")


@given(st.text(alphabet=st.characters(codec=None), max_size=50))
def test_no_control_format_or_surrogate_character_survives(text: str) -> None:
    for character in reveal(text):
        assert unicodedata.category(character) not in ("Cs", "Cf", "Cc") or character in "\t\n\r", (
            hex(ord(character))
        )


def test_bidirectional_overrides_are_shown() -> None:
    assert reveal("a\u202eb\u200bc") == "a<U+202E>b<U+200B>c"


def test_a_very_long_line_is_cut() -> None:
    window = Window(
        path="a", language="other", lines=(DiffLine(kind="+", text="x" * 10**6, new=1),)
    )
    assert re.search(rf"x{{{LONGEST_LINE}}}… R1$", render_question(window))
    assert len(render_question(window)) < 500


def test_the_first_phrasing_is_the_one_in_use() -> None:
    assert PHRASINGS[0] == INSTRUCTION == render_empty_question()
    assert len(set(PHRASINGS)) == 5
    for phrasing in PHRASINGS:
        assert NO_COMMENT in phrasing and "\n" not in phrasing


@given(make_window(), st.integers(0, 4))
def test_another_phrasing_changes_the_first_line_alone(window: Window, phrasing: int) -> None:
    question = render_question(window)
    asked = rephrase(question, phrasing)
    assert asked.split("\n") == [PHRASINGS[phrasing], *question.split("\n")[1:]]
    assert rephrase(question, 0) == question


def test_a_question_of_another_domain_keeps_its_words() -> None:
    assert rephrase("Say hello.\nPlease.", 3) == "Say hello.\nPlease."
    assert rephrase(f"{INSTRUCTION} Now.", 3) == f"{INSTRUCTION} Now."


def test_precedents_stand_before_the_change_one_a_line() -> None:
    window = Window(
        path="a.py", language="python", lines=(DiffLine(kind="+", text="x = 1", new=1),)
    )
    precedents = [
        Precedent(code="    except:", message="Name the\n\nexception.\u202e"),
        Precedent(code="y" * 300, message="z" * 300),
    ]
    assert render_question(window, precedents) == (
        f"{INSTRUCTION}\n"
        "Earlier, on `except:`: Name the exception.<U+202E>\n"
        f"Earlier, on `{'y' * 80}…`: {'z' * LONGEST_LINE}…\n"
        "a.py\n"
        "+x = 1 R1"
    )
    assert render_question(window, ()) == render_question(window)


@example(Window(path="a", language="", lines=()), "a\n+b R1", "c\nd")
@given(make_window(), st.text(max_size=60), st.text(max_size=60))
def test_no_precedent_can_pass_for_a_row(window: Window, code: str, message: str) -> None:
    question = render_question(window, [Precedent(code=code, message=message)])
    first, earlier, *rest = question.split("\n")
    assert [first, *rest] == render_question(window).split("\n")
    assert earlier.startswith("Earlier, on `")
