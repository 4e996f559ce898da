"""The markdown of a review: what stands in it, what is left out, and its markers."""

from datetime import UTC, datetime

import msgspec
import pytest

from bot.hosts import ReviewText
from bot.saying.comment import Wording, write_review
from bot.saying.earlier import look_back
from bot.saying.placement import place_finding
from bot.saying.sanitize import BREAK
from postil.diff import parse_diff
from postil.marker import SHAPE, read_marker
from postil.records import Draft, Finding, PostedComment, Resemblance, Span

KEY = b"a key"
FILES = parse_diff(
    """\
diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,3 +1,4 @@
 def f():
-    y = 1
+    x = 1
+    z = 1
     return x
"""
)
PAST = Resemblance(
    url="https://github.com/team/shop/pull/3#discussion_r9",
    when=datetime(2024, 5, 1, tzinfo=UTC),
    similarity=0.8,
    pull=3,
)


def finding(
    start: int = 2, end: int = 2, message: str = "Why?", suggestion: str | None = None
) -> Finding:
    span = Span(path="a.py", side="RIGHT", start=start, end=end)
    return Finding(span=span, message=message, suggestion=suggestion, score=0.9)


def draft(*findings: Finding) -> Draft:
    return Draft(
        repo="team/shop",
        pull=7,
        head_sha="a" * 40,
        adapter="0123456789abcdef",
        findings=findings,
        reviewed=("a.py",),
        skipped={},
    )


def write(
    *findings: Finding, said: tuple[str, ...] = (), wording: Wording | None = None
) -> ReviewText | None:
    """Word findings where comments of ours stand at some places already."""
    earlier = [
        PostedComment(
            place=place, fingerprint="", comment_id=1, url="", head_sha="b" * 40, adapter="x"
        )
        for place in said
    ]
    before = look_back(earlier, FILES, "team/shop", 7)
    return write_review(draft(*findings), FILES, before, KEY, wording or Wording())


def body_of(*findings: Finding, wording: Wording | None = None) -> str:
    """The text of the one line comment, without its marker."""
    text = write(*findings, wording=wording)
    assert text is not None
    (comment,) = text.comments
    return SHAPE.sub("", comment.body).strip()


def test_a_line_comment_ends_with_a_marker_of_its_place() -> None:
    text = write(finding())
    assert text is not None
    (comment,) = text.comments
    assert (comment.path, comment.side, comment.line, comment.start_line) == (
        "a.py",
        "RIGHT",
        2,
        None,
    )
    marker = read_marker(comment.body, KEY)
    assert marker is not None and comment.body.startswith("Why?\n\n<!-- postil:1 ")
    assert marker.place == place_finding(finding(), FILES, "team/shop", 7).key
    assert marker.head_sha == "a" * 40 and marker.adapter == "0123456789abcdef"
    assert text.body == (
        "1 remark, learned from what this team accepted before. Adapter `0123456789abcdef`;"
        " a program wrote this, so judge it as such."
    )


def test_what_was_said_is_not_said_again_whatever_its_wording() -> None:
    key = place_finding(finding(), FILES, "team/shop", 7).key
    assert write(finding(message="Other words."), said=(key,)) is None
    text = write(finding(message="Other words."), finding(3, 3), said=(key,))
    assert text is not None and len(text.comments) == 1


def test_two_findings_at_one_place_become_one_comment() -> None:
    text = write(finding(), finding(message="Again."))
    assert text is not None and len(text.comments) == 1


def test_nothing_found_is_nothing_said() -> None:
    assert write() is None


def test_what_has_no_line_stands_in_the_body_with_its_marker() -> None:
    text = write(finding(80, 80, "Far away, @ada."))
    assert text is not None and text.comments == ()
    assert "**`a.py`, line 80** (its line is not shown in the diff)" in text.body
    assert f"Far away, @{BREAK}ada." in text.body
    marker = read_marker(text.body, KEY)
    assert marker is not None and marker.place


def test_what_has_no_place_is_counted() -> None:
    elsewhere = msgspec.structs.replace(
        finding(), span=Span(path="b.py", side="RIGHT", start=1, end=1)
    )
    assert write(elsewhere) is None
    text = write(finding(), elsewhere)
    assert text is not None and "1 more stood on files outside this change." in text.body


def test_a_suggestion_stands_in_a_fence_longer_than_its_own() -> None:
    shown = body_of(finding(suggestion='    x = "```"\n'))
    assert shown == 'Why?\n\n````suggestion\n    x = "```"\n````'
    assert body_of(finding(suggestion="")) == "Why?\n\n```suggestion\n```"
    text = write(finding(2, 3, suggestion="    x = 2\n"))
    assert text is not None and text.comments[0].start_line == 2


@pytest.mark.parametrize(
    "unfit",
    [
        finding(suggestion="    x = 1\n"),
        finding(suggestion="@dependabot merge\n"),
        finding(suggestion="x\u202e\n"),
        msgspec.structs.replace(
            finding(suggestion="x\n"), span=Span(path="a.py", side="LEFT", start=2, end=2)
        ),
    ],
    ids=["changes nothing", "commands a bot", "hides something", "on the old side"],
)
def test_a_suggestion_that_cannot_be_offered_is_left_out(unfit: Finding) -> None:
    assert body_of(unfit) == "Why?"


LINK = "https://redirect.github.com/team/shop/pull/3#discussion_r9"


def test_provenance_links_without_a_backlink() -> None:
    other = msgspec.structs.replace(PAST, url="https://review.example.org/c/1", when=None, pull=0)
    shown = body_of(msgspec.structs.replace(finding(), resembles=(PAST, other)))
    assert shown == (
        "Why?\n\nResembles what was accepted here before:"
        f" [pull request 3, 2024-05-01](<{LINK}>),"
        " [an earlier remark](<https://review.example.org/c/1>)."
    )


def test_a_reviewer_is_named_only_where_the_settings_say_so_and_never_called() -> None:
    past = msgspec.structs.replace(PAST, author="ada")
    one = msgspec.structs.replace(finding(), resembles=(past,))
    assert "ada" not in body_of(one)
    named = body_of(one, wording=Wording(named=True))
    assert named.endswith(f": [pull request 3 by `ada`, 2024-05-01](<{LINK}>).")


@pytest.mark.parametrize(
    ("opened", "shown"), [(datetime(2024, 5, 2, tzinfo=UTC), 1), (PAST.when, 0)]
)
def test_only_what_is_older_than_the_pull_request_is_shown(opened: datetime, shown: int) -> None:
    undated = msgspec.structs.replace(PAST, when=None)
    one = msgspec.structs.replace(finding(), resembles=(PAST, undated))
    assert body_of(one, wording=Wording(opened=opened)).count("](<") == shown


def test_what_is_recalled_is_shown_as_the_quote_that_it_is() -> None:
    one = msgspec.structs.replace(finding(message="Log it.\n\nTwice."), resembles=(PAST, PAST))
    link = f"[pull request 3, 2024-05-01](<{LINK}>)"
    assert body_of(one, wording=Wording(way="recall")) == (
        f"> Log it.\n>\n> Twice.\n\nQuoted from {link}, where it was accepted on similar code."
        f" Like it: {link}."
    )
    silent = Wording(way="recall", provenance=False)
    assert body_of(one, wording=silent).endswith(
        "Quoted from an earlier review, where it was accepted on similar code."
    )


def test_a_quote_that_is_younger_than_the_pull_request_is_not_said() -> None:
    one = msgspec.structs.replace(finding(), resembles=(PAST,))
    assert write(one, wording=Wording(way="recall", opened=PAST.when)) is None
    assert write(one, wording=Wording(way="write", opened=PAST.when)) is not None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://example.org/",
        "javascript:alert(1)",
        "https://a.example/x>)![p](https://evil.example/p.png",
        "https://a.example/../x",
        "https://user@evil.example/",
        "https://a.example/x y",
    ],
)
def test_an_address_that_is_not_plain_is_no_link(url: str) -> None:
    past = msgspec.structs.replace(PAST, url=url)
    assert body_of(msgspec.structs.replace(finding(), resembles=(past,))) == "Why?"


def test_provenance_can_be_switched_off() -> None:
    one = msgspec.structs.replace(finding(), resembles=(PAST,))
    assert body_of(one, wording=Wording(provenance=False)) == "Why?"


def test_the_longest_comment_fits() -> None:
    text = write(finding(message="[" * 100_000, suggestion="y" * 1999 + "\n"))
    assert text is not None and len(text.comments[0].body) < 65_536
