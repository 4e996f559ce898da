"""Generated windows and remarks, shared by the floor's tests."""

from hypothesis import strategies as st

from postil.answer import Anchor, Remark, clean_message
from postil.records import DiffLine, Window

TEXT = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\r"), min_size=0, max_size=60
)


@st.composite
def make_window(draw: st.DrawFn) -> Window:
    """Contiguous lines from generated start numbers, as a real hunk has them."""
    kinds = draw(st.lists(st.sampled_from("+- "), min_size=1, max_size=30))
    old, new = draw(st.integers(1, 900)), draw(st.integers(1, 900))
    lines = []
    for kind in kinds:
        lines.append(
            DiffLine(
                kind=kind,  # type: ignore[arg-type]
                text=draw(st.sampled_from(["", "x = 1", "    return y", "R7 +fake"])),
                old=None if kind == "+" else old,
                new=None if kind == "-" else new,
            )
        )
        old += kind != "+"
        new += kind != "-"
    return Window(path="src/a.py", language="python", lines=tuple(lines))


@st.composite
def make_remark(draw: st.DrawFn) -> Remark:
    """Any remark the grammar allows, with hostile fences in message and suggestion."""
    start = draw(st.integers(1, 400))
    parts = st.lists(st.sampled_from(["```", "````", "suggestion", "\n", "a`b", "NO_COMMENT", " "]))
    message = clean_message(draw(TEXT) + "".join(draw(parts))) or "x"
    body = draw(TEXT) + "".join(draw(parts))
    suggestion = draw(st.sampled_from([None, "", body + "\n"]))
    return Remark(
        anchor=Anchor(
            side=draw(st.sampled_from(["R", "L"])), start=start, end=start + draw(st.integers(0, 9))
        ),
        message=clean_message(message) or "x",
        suggestion=suggestion,
    )
