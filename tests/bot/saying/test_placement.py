"""Where a finding goes; whatever is called a line is one the (fake) host accepts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.saying.placement import place_all, place_finding
from postil.diff import parse_diff
from postil.records import Finding, Side, Span
from tests.github_rules import refusal

DIFF = """\
diff --git a/shop/cart.py b/shop/cart.py
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -10,4 +10,5 @@ class Cart:
     def total(self):
-        return sum(self.prices)
+        prices = self.prices
+        return sum(prices)
     # the end
     def clear(self):
@@ -30,3 +31,4 @@ class Cart:
     # the end
+    x = 1
     # the end
     def clear(self):
diff --git a/shop/old.py b/shop/old.py
deleted file mode 100644
--- a/shop/old.py
+++ /dev/null
@@ -1,2 +0,0 @@
-x = 1
-x = 1
"""
FILES = parse_diff(DIFF)


def finding(start: int, end: int, side: Side = "RIGHT", path: str = "shop/cart.py") -> Finding:
    span = Span(path=path, side=side, start=start, end=end)
    return Finding(span=span, message="Why?", score=0.9)


def test_a_line_of_the_new_side() -> None:
    place = place_finding(finding(11, 11), FILES)
    assert (place.kind, place.line, place.start_line) == ("line", 11, None)
    assert place.text == ("        prices = self.prices",)


def test_several_lines() -> None:
    place = place_finding(finding(11, 12), FILES)
    assert (place.kind, place.line, place.start_line, place.start_side) == ("line", 12, 11, "RIGHT")
    assert place.whole


def test_a_removed_line_and_a_kept_one_on_the_old_side() -> None:
    assert place_finding(finding(11, 11, "LEFT"), FILES).text == (
        "        return sum(self.prices)",
    )
    assert place_finding(finding(10, 10, "LEFT"), FILES).text == ("    def total(self):",)
    assert place_finding(finding(1, 1, "LEFT", "shop/old.py"), FILES).kind == "line"


def test_a_span_over_two_hunks_stays_on_the_last_one() -> None:
    place = place_finding(finding(14, 32), FILES)
    assert (place.kind, place.start_line, place.line, place.whole) == ("line", 31, 32, False)
    assert place.reason == "begins in another hunk; shown on its last lines"


@pytest.mark.parametrize("line", [1, 9, 15, 20, 35, 900])
def test_a_line_that_the_diff_does_not_show_goes_to_the_body(line: int) -> None:
    place = place_finding(finding(line, line), FILES)
    assert (place.kind, place.reason) == ("body", "its line is not shown in the diff")
    assert place.key


def test_the_wrong_side_of_a_deleted_file_goes_to_the_body() -> None:
    assert place_finding(finding(1, 1, "RIGHT", "shop/old.py"), FILES).kind == "body"


def test_a_file_outside_the_change_goes_nowhere() -> None:
    place = place_finding(finding(1, 1, path="other.py"), FILES)
    assert (place.kind, place.reason) == ("nowhere", "its file is not part of the change")
    assert place.key == ""


def test_equal_lines_are_told_apart_by_their_order() -> None:
    keys = {place_finding(finding(n, n, "LEFT", "shop/old.py"), FILES).key for n in (1, 2)}
    assert len(keys) == 2
    kept = {place_finding(finding(n, n), FILES).key for n in (13, 31, 33)}
    assert len(kept) == 3


def test_a_rebase_does_not_move_a_place() -> None:
    moved = parse_diff(DIFF.replace("@@ -10,4 +10,5 @@", "@@ -110,4 +110,5 @@"))
    before = place_finding(finding(11, 12), FILES, "team/shop", 7)
    after = place_finding(finding(111, 112), moved, "Team/Shop", 7)
    assert before.key == after.key
    assert place_finding(finding(11, 12), FILES, "team/shop", 8).key != before.key


def test_indentation_does_not_make_another_place() -> None:
    indented = parse_diff(DIFF.replace("+        prices", "+    prices"))
    assert place_finding(finding(11, 11), FILES).key == place_finding(finding(11, 11), indented).key


@st.composite
def make_diff(draw: st.DrawFn) -> str:
    """One file of a few hunks with few different lines, so that equal places are common."""
    old = new = 1
    text = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n"
    for _ in range(draw(st.integers(1, 3))):
        kinds = draw(st.lists(st.sampled_from("+- "), min_size=1, max_size=8))
        body = "".join(f"{kind}{draw(st.sampled_from(['x', '  x', 'y']))}\n" for kind in kinds)
        olds, news = (sum(kind != mark for kind in kinds) for mark in "+-")
        text += (
            f"@@ -{old if olds else old - 1},{olds} +{new if news else new - 1},{news} @@\n{body}"
        )
        old, new = old + olds + 5, new + news + 5
    return text


SPANS = st.tuples(st.integers(1, 30), st.integers(0, 6), st.sampled_from(["LEFT", "RIGHT"]))


@settings(max_examples=400)
@given(make_diff(), st.lists(SPANS, min_size=1, max_size=8))
def test_whatever_has_a_line_is_accepted_by_the_host(
    diff: str, spans: list[tuple[int, int, Side]]
) -> None:
    findings = [finding(start, start + more, side, "a.py") for start, more, side in spans]
    for placed in place_all(findings, parse_diff(diff)):
        place = placed.place
        comment = {"path": place.path, "side": place.side, "line": place.line, "body": "x"}
        if place.start_line is not None and place.start_line < place.line:
            comment |= {"start_line": place.start_line, "start_side": place.start_side}
        asked = {"event": "COMMENT", "body": "x", "comments": [comment]}
        assert (refusal(asked, diff, ()) == "") == (place.kind == "line")


@settings(max_examples=400)
@given(make_diff())
def test_two_lines_of_one_side_have_two_keys(diff: str) -> None:
    files = parse_diff(diff)
    for side in ("LEFT", "RIGHT"):
        lines = [line for hunk in files[0].hunks for line in hunk.lines]
        numbers = {line.new if side == "RIGHT" else line.old for line in lines} - {None}
        keys = [
            place_finding(finding(number, number, side, "a.py"), files).key
            for number in numbers
            if number is not None
        ]
        assert len(set(keys)) == len(keys)
