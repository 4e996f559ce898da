"""What people and programs see of a review."""

import json

import msgspec

from bot.output.render import render_json, render_text
from bot.review import Reviewed, read_nothing
from bot.saying.placement import place_all
from postil.diff import parse_diff
from postil.records import Finding, Span
from tests.bot.stub_model import PAST

DIFF = """\
diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,2 +1,3 @@
 def f():
+    x = 1
     return x
"""
FINDING = Finding(
    span=Span(path="a.py", side="RIGHT", start=2, end=3),
    message="Why \x1b[2J<b>@ada?\nSay it.",
    suggestion="    x = 2\n",
    score=0.876,
    resembles=(PAST,),
)
REVIEWED = Reviewed(
    adapter="0123",
    base="tiny",
    threshold=0.5,
    findings=(FINDING,),
    reviewed=("a.py",),
    skipped={"b.png": "binary"},
    windows=1,
    held_back=2,
    dropped={"empty": 1},
    seconds={"read": 0.01, "score": 1.26},
)
PLACED = place_all(REVIEWED.findings, parse_diff(DIFF))


def test_the_text_names_everything_and_moves_no_cursor() -> None:
    assert render_text(REVIEWED, PLACED) == (
        "a.py:2-3  probability 0.88\n"
        "    Why <U+001B>[2J<b>@ada?\n"
        "    Say it.\n"
        "    instead:\n"
        "    +     x = 2\n"
        "    resembles 0.80 of 2024-05-01: https://github.com/team/shop/pull/3#discussion_r9\n"
        "\n"
        "1 remark; 1 file reviewed by 0123 on tiny in 1 window\n"
        "not reviewed: b.png: binary\n"
        "2 more held back by review.max_comments\n"
        "1 dropped: the message was unusable (empty)\n"
        "time: read 0.0 s, score 1.3 s"
    )


def test_other_places_are_said() -> None:
    removed = msgspec.structs.replace(
        FINDING,
        span=Span(path="a.py", side="LEFT", start=90, end=90),
        suggestion="",
        resembles=(msgspec.structs.replace(PAST, when=None),),
        message="a\rb",
    )
    text = render_text(REVIEWED, place_all([removed], parse_diff(DIFF)))
    assert "a.py:90 (before the change)" in text
    assert "a<U+000D>b" in text and "delete these lines" in text
    assert "resembles 0.80: https" in text
    assert "has no line on a host: its line is not shown in the diff" in text


def test_an_empty_diff_and_a_missing_adapter_are_said() -> None:
    assert render_text(read_nothing("", "x"), ()) == "nothing to review: the diff is empty"
    text = render_text(read_nothing(DIFF, "no adapter"), ())
    assert text.startswith("nothing is said: no adapter is promoted")
    uncalibrated = msgspec.structs.replace(REVIEWED, threshold=None)
    assert "no calibrated threshold" in render_text(uncalibrated, ())


def test_the_json_has_exactly_the_promised_keys() -> None:
    shown = json.loads(render_json(REVIEWED, PLACED))
    assert list(shown) == [
        "schema", "adapter", "base", "threshold", "findings", "reviewed", "skipped", "seconds",
    ]  # fmt: skip
    assert shown["schema"] == 1 and shown["skipped"] == [{"path": "b.png", "reason": "binary"}]
    (finding,) = shown["findings"]
    assert list(finding) == [
        "span", "message", "suggestion", "probability", "place", "resembles",
    ]  # fmt: skip
    assert finding["span"] == {"path": "a.py", "side": "RIGHT", "start": 2, "end": 3}
    assert finding["place"] == {"kind": "line", "reason": ""}
    assert set(finding["resembles"][0]) == {"url", "when", "similarity"}
