"""How changed rows look, as marks."""

import pytest

from finetune.marks import layout_marks
from finetune.tokens import code_tokens
from tests.finetune.builders import make_window


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("x = 1", {"+indent 0", "+length 0"}),
        ("  x = 'a'  # b", {"+indent 2", "+length 0", "+sign '", "+sign #"}),
        ("\tx();  ", {"+indent tab", "+length 0", "+row trailing"}),
        (" " * 30 + "x" * 100, {"+indent 20", "+length 120"}),
        ("x" * 400, {"+indent 0", "+length 120"}),
        ("x" * 40 + "\r", {"+indent 0", "+length 40"}),
        ("", {"+row blank"}),
        ("   ", {"+row blank", "+row trailing"}),
        ('"""Doc."""', {"+indent 0", "+length 0", '+sign """', '+sign "'}),
    ],
)
def test_an_added_row_is_told_by_its_indentation_length_and_signs(
    text: str, marks: set[str]
) -> None:
    assert layout_marks(make_window(f"+{text}")) == {"+rows 1", *marks}


def test_rows_are_counted_by_kind_and_only_added_ones_are_looked_at() -> None:
    window = make_window(" kept", "-one  ", "-two", "-three", "-four")
    assert layout_marks(window) == {"-rows 1", "-rows 2", "-rows 4"}
    assert layout_marks(make_window(" kept")) == set()


def test_no_mark_is_a_word() -> None:
    text = "  rows 2 = 'indent'  # length 40"
    words = {f"+{word}" for word in code_tokens(text)}
    assert not words & layout_marks(make_window(f"+{text}", f"+{text}"))
