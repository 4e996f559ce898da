"""Review comments -> threads, each where it was first placed."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mining.sources.github_objects import Comment
from mining.sources.github_threads import place, read_suggestion, read_threads
from postil.records import ReviewThread, Span
from tests.mining.archive_builder import comment, user

REMOVED = "@@ -10,6 +10,5 @@\n a = 1\n-b = 2"
MIXED = "@@ -9,4 +20,4 @@ x\n a = 1\n-b = 2\n-c = 3\n+b = 4\n+c = 5"
"""Old lines 9 to 11, new lines 20 to 22."""


def made(**more: Any) -> Comment:
    return msgspec.convert(comment(1, **more), Comment)


def span(side: Any, start: int, end: int) -> Span:
    return Span(path="ships.py", side=side, start=start, end=end)


def threads(*comments: dict[str, Any]) -> tuple[list[ReviewThread], Counter[str]]:
    dropped: Counter[str] = Counter()
    read = [msgspec.convert(one, Comment) for one in comments]
    return read_threads(read, "team/harbour", 7, "olga", dropped), dropped


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, span("RIGHT", 12, 12)),
        ({"original_line": 99}, span("RIGHT", 12, 12)),
        ({"original_line": None}, span("RIGHT", 12, 12)),
        ({"diff_hunk": REMOVED}, span("LEFT", 11, 11)),
        ({"diff_hunk": REMOVED, "side": "LEFT"}, span("LEFT", 11, 11)),
        ({"diff_hunk": "@@ -4 +8 @@\n a", "side": "LEFT"}, span("LEFT", 4, 4)),
        ({"diff_hunk": "@@ -4 +8 @@\n a", "side": "RIGHT"}, span("RIGHT", 8, 8)),
        ({"diff_hunk": "@@ -0,0 +1,9 @@\n+a\n+b\n\\ No newline"}, span("RIGHT", 2, 2)),
        ({"diff_hunk": "@@ -1,3 +1,3 @@\n a\n\n b"}, span("RIGHT", 3, 3)),
        ({"diff_hunk": "@@ -1 +1,2 @@\n a\n+b\n"}, span("RIGHT", 2, 2)),
        ({"side": "LEFT"}, span("RIGHT", 12, 12)),  # an added line has no other side
        ({"side": None}, span("RIGHT", 12, 12)),
        ({"original_start_line": 11}, span("RIGHT", 11, 12)),
        ({"original_start_line": 11, "start_side": "RIGHT"}, span("RIGHT", 11, 12)),
        ({"original_start_line": 11, "original_line": 3}, span("RIGHT", 11, 12)),
        ({"original_start_line": 8}, span("RIGHT", 8, 12)),  # from above the hunk
        ({"original_start_line": 40}, span("RIGHT", 12, 12)),  # after its own end: moved
        (
            {"diff_hunk": MIXED, "original_start_line": 10, "start_side": "LEFT"},
            span("RIGHT", 21, 22),
        ),
        (
            {"diff_hunk": MIXED, "original_start_line": 99, "start_side": "LEFT"},
            span("RIGHT", 22, 22),
        ),
        (
            {"diff_hunk": REMOVED, "original_start_line": 10, "start_side": "RIGHT"},
            span("LEFT", 10, 11),
        ),
    ],
)
def test_a_comment_stands_at_the_end_of_its_stored_hunk(
    more: dict[str, Any], expected: Span
) -> None:
    assert place(made(**more)) == expected


@given(
    marks=st.lists(st.sampled_from("+- "), min_size=1, max_size=40),
    texts=st.lists(st.sampled_from(["", "x", "+", "-y", "\\ z", "\r"]), min_size=40, max_size=40),
    noted=st.sets(st.integers(0, 39), max_size=3),
    side=st.sampled_from(["LEFT", "RIGHT"]),
)
def test_lines_are_counted_as_one_counts_them_by_hand(
    marks: list[str], texts: list[str], noted: set[int], side: str
) -> None:
    old, new = int(set(marks) != {"+"}), int(set(marks) != {"-"})
    hunk = f"@@ -{old},9 +{new},9 @@"
    for at, (mark, text) in enumerate(zip(marks, texts, strict=False)):
        note = "\n\\ No newline at end of file" if at in noted else ""
        hunk += f"\n{mark}{text}{note}"
    on = "LEFT" if marks[-1] == "-" or (side == "LEFT" and marks[-1] == " ") else "RIGHT"
    number = sum(mark != ("+" if on == "LEFT" else "-") for mark in marks)
    assert place(made(diff_hunk=hunk, side=side)) == span(on, number, number)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"subject_type": "file"}, "comment on a whole file"),
        ({"diff_hunk": ""}, "comment on a whole file"),
        ({"diff_hunk": None}, "comment on a whole file"),
        ({"diff_hunk": "@@ -1 +1 @@"}, "hunk without a line"),
        ({"diff_hunk": "@@ -1 +1 @@\n\\ No newline"}, "hunk without a line"),
        ({"diff_hunk": "no hunk at all\n+a"}, "hunk without a line"),
    ],
)
def test_a_comment_on_no_line_is_counted(more: dict[str, Any], reason: str) -> None:
    found, dropped = threads(comment(1, **more))
    assert (found, dropped) == ([], {reason: 1})


def test_replies_join_their_thread_in_time_order_and_orphans_are_counted() -> None:
    found, dropped = threads(
        comment(9, in_reply_to_id=1, user=user("olga"), body="Done."),
        comment(5, in_reply_to_id=1, body=None),
        comment(1),
        comment(6, in_reply_to_id=404),
    )
    assert [(r.author, r.author_kind, r.body) for r in found[0].replies] == [
        ("rita", "person", ""),
        ("olga", "self", "Done."),
    ]
    assert dropped == {"reply whose thread is missing": 1}


def test_a_reply_that_a_skewed_clock_dates_before_its_root_stays_with_it() -> None:
    early = comment(2, in_reply_to_id=1, body="Done.", created_at="2020-01-01T00:00:00Z")
    ((thread,), dropped) = threads(comment(1), early)
    assert [reply.body for reply in thread.replies] == ["Done."]
    assert not dropped


@pytest.mark.parametrize(
    ("account", "name", "kind"),
    [
        (user("rita"), "rita", "person"),
        (user("olga"), "olga", "self"),
        (user("Copilot", "Bot"), "Copilot", "bot"),
        (user("linter[bot]"), "linter[bot]", "bot"),
        (None, "ghost", "person"),
        (user("ghost"), "ghost", "person"),
    ],
)
def test_an_author_is_a_person_a_program_or_oneself(
    account: dict[str, Any] | None, name: str, kind: str
) -> None:
    found, _ = threads(comment(1, user=account))
    assert (found[0].author, found[0].author_kind) == (name, kind)


def test_nobody_is_known_to_be_the_author_when_both_accounts_are_deleted() -> None:
    deleted = msgspec.convert(comment(1, user=None), Comment)
    (thread,) = read_threads([deleted], "team/harbour", 7, "ghost", Counter())
    assert thread.author_kind == "person"


def test_a_thread_keeps_where_and_what_it_was() -> None:
    found, _ = threads(comment(1, author_association=None))
    thread = found[0]
    assert (thread.id, thread.pull, thread.revision) == ("1", 7, "a" * 40)
    assert thread.hunk.endswith("+c = 4")
    assert thread.association == "NONE"
    assert thread.resolved is None
    assert thread.url.endswith("#discussion_r1")


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("no block", None),
        ("nit:\r\n```suggestion\r\n  a\r\n  b\r\n```\r\nbye", "  a\n  b\n"),
        ("```suggestion\n```", ""),
        ("````suggestion\n```\ncode\n```\n````", "```\ncode\n```\n"),
        ("```suggestion\nnever closed", "never closed\n"),
        ("``` suggestion:-0+1\na\n```", "a\n"),
        ("```python\na\n```", None),
        ("> ```suggestion\n> a\n> ```", None),
        ("```suggestion\na\n```\n```suggestion\nb\n```", "a\n"),
    ],
)
def test_the_first_suggestion_block_is_read(text: str, suggestion: str | None) -> None:
    assert read_suggestion(text) == suggestion
