"""The answer grammar: what is rendered parses back, and nothing else parses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.answer import (
    Anchor,
    Remark,
    anchor_of,
    anchors,
    clean_message,
    finding_of,
    parse_answer,
    remark_text,
    render_answer,
    span_of,
)
from postil.errors import PayloadError
from postil.records import DiffLine, Span, Window
from tests.postil.strategies import make_remark, make_window


@given(make_remark())
def test_a_rendered_remark_parses_back(remark: Remark) -> None:
    assert parse_answer(render_answer(remark)) == remark


def test_silence_parses_back() -> None:
    assert render_answer(None) == "NO_COMMENT"
    assert parse_answer("NO_COMMENT") is None


@given(st.text(max_size=80))
def test_any_text_is_an_answer_or_refused(text: str) -> None:
    try:
        answer = parse_answer(text)
    except PayloadError:
        assert remark_text(text) == ""
        return
    assert render_answer(answer) == text


@given(st.text(max_size=80))
def test_any_text_can_be_cleaned_into_a_message(text: str) -> None:
    message = clean_message(text)
    if message:
        Remark(anchor=Anchor(side="R", start=1, end=1), message=message)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "R7",
        "R0\nx",
        "R07\nx",
        "R9-7\nx",
        "R7-7\nx",
        "X7\nx",
        "R7\n",
        "R7\n x",
        "NO_COMMENT\nx",
        "R7\nx\n```suggestion\ny\n```\nmore",
        "R7\nx\n```suggestion\ny",
        "R7\nx\n````suggestion\ny\n````",
    ],
)
def test_what_is_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(PayloadError):
        parse_answer(text)


@given(make_window())
def test_every_anchor_of_a_window_is_a_span_of_its_lines_and_back(window: Window) -> None:
    allowed = anchors(window)
    assert {a.start for a in allowed} == set(range(1, len(window.lines) + 1))
    for anchor in allowed:
        span = span_of(window, anchor)
        numbers = {line.new if span.side == "RIGHT" else line.old for line in window.lines}
        assert {span.start, span.end} <= numbers
        assert anchor_of(window, span) == anchor


def lines(*marks: str) -> Window:
    numbered, old, new = [], 10, 20
    for mark in marks:
        numbered.append(
            DiffLine(
                kind=mark,  # type: ignore[arg-type]
                text="t",
                old=None if mark == "+" else old,
                new=None if mark == "-" else new,
            )
        )
        old += mark != "+"
        new += mark != "-"
    return Window(path="a", language="other", lines=tuple(numbered))


def test_a_remark_on_a_kept_line_counts_for_the_new_side() -> None:
    window = lines(" ", "-", "+")
    old_side = Span(path="a", side="LEFT", start=10, end=10)
    assert anchor_of(window, old_side) == Anchor(side="R", start=1, end=1)


def test_a_span_elsewhere_has_no_anchor() -> None:
    window = lines(" ", "+")
    assert anchor_of(window, Span(path="b", side="RIGHT", start=20, end=20)) is None
    assert anchor_of(window, Span(path="a", side="RIGHT", start=99, end=99)) is None


@pytest.mark.parametrize("text", ["R9", "L1", "R2"])
def test_an_anchor_that_is_not_of_the_window_is_refused(text: str) -> None:
    side, row = text[0], int(text[1:])
    with pytest.raises(PayloadError, match="anchor"):
        span_of(lines(" ", "-", "+"), Anchor(side=side, start=row, end=row))  # type: ignore[arg-type]


def test_a_finding_is_on_lines_of_the_file() -> None:
    remark = Remark(anchor=Anchor(side="L", start=2, end=2), message="Why remove this?")
    finding = finding_of(lines(" ", "-", "+"), remark, 0.7)
    assert finding.span == Span(path="a", side="LEFT", start=11, end=11)


@pytest.mark.parametrize(
    ("message", "suggestion"), [("", None), (" x", None), ("x", "y"), ("x\n```suggestion", None)]
)
def test_a_remark_that_could_not_be_rendered_cannot_be_made(
    message: str, suggestion: str | None
) -> None:
    with pytest.raises(PayloadError):
        Remark(anchor=Anchor(side="R", start=1, end=1), message=message, suggestion=suggestion)
