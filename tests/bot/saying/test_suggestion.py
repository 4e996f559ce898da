"""Only a suggestion that leaves what is meant is offered; the rest is shown as code."""

import pytest

from bot.saying.suggestion import apply_suggestion, doubt, fit_suggestion
from postil.answer import Anchor, Remark
from postil.diff import parse_diff, windows
from postil.records import Window

DIFF = """\
--- a/cart.py
+++ b/cart.py
@@ -1,4 +1,7 @@
 class Cart:
     def total(self):
-        return 0
+        prices = list(self.prices)
+        print(sum(prices))
+        return sum(prices,
+                   0)
     # end
"""


def window(text: str = DIFF) -> Window:
    (file,) = parse_diff(text)
    return next(windows(file.hunks[0], 24))


def said(suggestion: str | None, start: int, end: int | None = None) -> Remark:
    anchor = Anchor(side="R", start=start, end=end or start)
    return Remark(anchor=anchor, message="Log it.", suggestion=suggestion)


def test_a_suggestion_that_fits_is_kept_as_it_is() -> None:
    fitted = fit_suggestion(window(), said("        log(sum(prices))\n", 5))
    assert fitted == said("        log(sum(prices))\n", 5)
    assert fit_suggestion(window(), said(None, 5)).suggestion is None
    assert fit_suggestion(window(), said("", 5)).suggestion == ""


def test_lost_indentation_is_given_back() -> None:
    fitted = fit_suggestion(window(), said("if prices:\n    log(prices)\n", 5))
    assert fitted.suggestion == "        if prices:\n            log(prices)\n"


def test_a_change_of_indentation_alone_is_meant() -> None:
    text = "    prices = list(self.prices)\n"
    assert fit_suggestion(window(), said(text, 4)).suggestion == text
    assert fit_suggestion(window(), said(text.lstrip(), 4)).suggestion == text.lstrip()


@pytest.mark.parametrize(
    ("suggestion", "start", "end", "why"),
    [
        ("        print(sum(prices))\n", 5, 5, "changes nothing"),
        ("        log(prices) R5\n", 5, 5, "repeats the marks of the question"),
        ("+        log(prices)\n", 5, 5, "repeats the marks of the question"),
        (
            "        prices = list(self.prices)\n        log(prices)\n",
            5,
            5,
            "repeats the lines around it",
        ),
        ("    log(prices)\n", 5, 5, "is indented in another way"),
        ("\tlog(prices)\n", 5, 5, "is indented in another way"),
        ("        return total(prices)\n", 6, 6, "leaves a bracket open, or closes another"),
    ],
)
def test_what_is_not_sure_is_shown_as_code(suggestion: str, start: int, end: int, why: str) -> None:
    remark = said(suggestion, start, end)
    assert doubt(window(), remark, suggestion) == why
    fitted = fit_suggestion(window(), remark)
    assert fitted.suggestion is None
    assert fitted.message == f"Log it.\n\n```\n{suggestion}```"


def test_both_lines_of_a_call_may_be_replaced_together() -> None:
    assert fit_suggestion(window(), said("        return sum(prices)\n", 6, 7)).suggestion


def test_lines_with_carriage_returns_are_not_mixed_with_others() -> None:
    diff = "--- a/a.py\n+++ b/a.py\n@@ -0,0 +1,2 @@\n+x = 1\r\n+y = 2\r\n"
    fitted = fit_suggestion(window(diff), said("x = 3\n", 1))
    assert fitted.suggestion is None and "x = 3" in fitted.message


@pytest.mark.parametrize("unsafe", ["/merge\n", "a\u202eb\n", "x\n" * 1000])
def test_what_is_unsafe_is_not_shown_at_all(unsafe: str) -> None:
    assert fit_suggestion(window(), said(unsafe, 5)) == said(None, 5)


def test_the_old_side_is_never_replaced() -> None:
    anchor = Anchor(side="L", start=3, end=3)
    remark = Remark(anchor=anchor, message="Keep it.", suggestion="        return 1\n")
    assert fit_suggestion(window(), remark).suggestion is None


def test_applying_replaces_the_lines_and_nothing_else() -> None:
    assert apply_suggestion(["a", "b", "c"], 2, 2, "x\ny\n") == ["a", "x", "y", "c"]
    assert apply_suggestion(["a", "b", "c"], 1, 2, "") == ["c"]
    with pytest.raises(ValueError, match="not among 3"):
        apply_suggestion(["a", "b", "c"], 3, 4, "x\n")
