"""Whether a remark is about the code it is said of: its names of code, and the line it stands on.

A remark may rightly name what is not there yet ("rename it to ..."), so the people's own share is
the yardstick, not 1.
"""

from collections.abc import Sequence

from finetune.code_names import code_names, names_in
from finetune.evaluation.metrics import Bootstrap, mean_of
from finetune.evaluation.scorecard import GroundingScore, Said
from postil.answer import parse_anchor, span_of
from postil.errors import PayloadError
from postil.records import Window


def score_grounding(
    name: str, said: Sequence[Said], windows: Sequence[Window], draws: Bootstrap
) -> GroundingScore:
    """The figures of one system; remarks and windows go together."""
    pairs = list(zip(said, windows, strict=True))
    named = [code_names(one.message) for one in said]
    known = [
        sum(word in names_in(window) for word in words) / len(words) if words else 0.0
        for words, window in zip(named, windows, strict=True)
    ]
    placed = [bool(one.anchor) for one in said]
    return GroundingScore(
        name=name,
        named=sum(map(bool, named)),
        names_known=draws.interval(mean_of(known, list(map(len, named)))),
        valid_line=draws.interval(mean_of([is_valid(*pair) for pair in pairs], placed)),
        changed_line=draws.interval(mean_of([is_changed(*pair) for pair in pairs], placed)),
    )


def is_valid(said: Said, window: Window) -> bool:
    """Whether the anchor is one of rows of the window, all on its side."""
    try:
        span_of(window, parse_anchor(said.anchor))
    except PayloadError:
        return False
    return True


def is_changed(said: Said, window: Window) -> bool:
    """Whether the anchor is valid and holds an added or a removed row."""
    if not is_valid(said, window):
        return False
    anchor = parse_anchor(said.anchor)
    return any(line.kind != " " for line in window.lines[anchor.start - 1 : anchor.end])
