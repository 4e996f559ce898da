"""Generated pairs on windows that look like code, for what is made of pairs."""

import hashlib

from hypothesis import strategies as st

from postil.answer import Remark, anchors, render_answer
from postil.prompt import TEMPLATE, render_question
from postil.records import DiffLine, Pair, Window
from tests.finetune.builders import day

NAMES = ("rows", "total", "user_name", "readRows", "MAX_SIZE", "RowReader", "_cache", "blank_line")
ROWS = (
    "{a} = {b}.get({c})",
    "def {a}({b}, {c}=None):",
    "for {a} in {b}:",
    "self.{a} = {b}",
    "call({a}={b})",
    '"{a}" # {b} of {c}',
    "if {a} == {b}:",
    "",
    "Read {a} from the {b}.",
)
MESSAGES = (
    "Please look at this again.",
    "Why is `{a}` read here?",
    "{a} should not be None.",
    "Rename this.",
)


@st.composite
def make_code_pair(draw: st.DrawFn) -> Pair:
    """A remark, with or without a suggestion, or a silence, on a window of any shape."""
    kinds = draw(st.lists(st.sampled_from("+- "), min_size=1, max_size=14).filter(_changes))
    name = st.sampled_from(NAMES)
    old, new = draw(st.integers(1, 900)), draw(st.integers(1, 900))
    lines = []
    for kind in kinds:
        row = draw(st.sampled_from(ROWS)).format(a=draw(name), b=draw(name), c=draw(name))
        number = {"old": None if kind == "+" else old, "new": None if kind == "-" else new}
        lines.append(DiffLine(kind=kind, text="    " + row, **number))  # type: ignore[arg-type]
        old, new = old + (kind != "+"), new + (kind != "-")
    window = Window(
        path=draw(st.sampled_from(["app/rows.py", "a.go"])), language="python", lines=tuple(lines)
    )
    remark = draw(st.none() | _remark(window))
    response = render_answer(remark)
    instruction = render_question(window)
    return Pair(
        id=hashlib.sha256(f"{instruction}{response}".encode()).hexdigest()[:20],
        instruction=instruction,
        response=response,
        template=TEMPLATE,
        kind="remark" if remark else "silence",
        example="e",
        repo="o/r",
        pull=3,
        decided_at=day(3),
        author="ann",
        window=window,
    )


@st.composite
def _remark(draw: st.DrawFn, window: Window) -> Remark:
    name = st.sampled_from(NAMES)
    return Remark(
        anchor=draw(st.sampled_from(anchors(window))),
        message=draw(st.sampled_from(MESSAGES)).format(a=draw(name)),
        suggestion=draw(st.sampled_from([None, "", f"{draw(name)} = 1\n"])),
    )


def _changes(kinds: list[str]) -> bool:
    return any(kind != " " for kind in kinds)


def make_code_pairs() -> st.SearchStrategy[list[Pair]]:
    """Some pairs, no two of the same id."""
    return st.lists(make_code_pair(), min_size=1, max_size=6, unique_by=lambda pair: pair.id)
