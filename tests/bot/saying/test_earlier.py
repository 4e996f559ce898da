"""What is known again after a push, and what people wanted none of."""

import msgspec
import pytest

from bot.saying.earlier import look_back, unsaid
from bot.saying.placement import NEARBY, PlacedFinding, place_all
from postil.diff import FileDiff, parse_diff
from postil.marker import around_keys, text_key, words_key
from postil.records import Finding, PostedComment, Span

REPO, PULL = "team/shop", 7


def change(*rows: str, path: str = "a.py", first: int = 1) -> tuple[FileDiff, ...]:
    """A diff of one hunk of added rows between two kept ones."""
    body = "\n".join([f"@@ -{first},2 +{first},{len(rows) + 2} @@", " before"])
    added = "\n".join(f"+{row}" for row in rows)
    return parse_diff(
        f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{body}\n{added}\n after\n"
    )


def place(files: tuple[FileDiff, ...], line: int, message: str = "Why?") -> PlacedFinding:
    span = Span(path=files[0].path, side="RIGHT", start=line, end=line)
    (placed,) = place_all([Finding(span=span, message=message, score=0.9)], files, REPO, PULL)
    return placed


def posted(one: PlacedFinding, **more: object) -> PostedComment:
    """The comment that stands where a finding was placed."""
    where = one.place
    comment = PostedComment(
        place=where.key,
        fingerprint="",
        comment_id=1,
        url="",
        head_sha="a" * 40,
        adapter="x",
        text=text_key(where.path, where.side, where.text),
        rows=len(where.text),
        around=around_keys(where.path, where.side, where.around),
        words=words_key(one.finding.message),
    )
    return msgspec.structs.replace(comment, **more)


def again(
    files: tuple[FileDiff, ...],
    *earlier: PostedComment,
    lines: tuple[int, ...],
    words: str = "Why?",
) -> list[int]:
    """The lines of a new diff on which something would be said, in such words."""
    before = look_back(earlier, files, REPO, PULL)
    placed = [place(files, line, words) for line in lines]
    return [one.place.line for one in unsaid(placed, before)]


OLD = change("x = 1", "y = 2", "z = 3")
ON_Y = place(OLD, 3)


@pytest.mark.parametrize(
    ("new", "line"),
    [
        (OLD, 3),
        (change("x = 1", "y = 2", "z = 3", first=40), 42),  # a rebase moved it
        (change("if a:", "  x = 1", "  y = 2", "  z = 3"), 4),  # indented
        (change("x = 9", "y = 2", "z = 3"), 3),  # the line before it changed
        (change("w = 0", "y = 2", "more"), 3),  # both neighbours changed
    ],
    ids=["same", "moved", "indented", "other line before", "other neighbours"],
)
def test_lines_that_were_spoken_of_are_known_again(new: tuple[FileDiff, ...], line: int) -> None:
    assert again(new, posted(ON_Y), lines=(line,), words="In other words.") == []
    assert look_back([posted(ON_Y)], new, REPO, PULL).gone == ()


def test_a_second_line_of_the_same_text_is_another_place() -> None:
    twice = change("y = 2", "a", "b", "c", "y = 2")
    comment = posted(place(twice, 2))
    assert again(twice, comment, lines=(2, 6)) == [6]


def test_a_comment_takes_up_one_moved_line_and_no_more() -> None:
    moved = change("new", "y = 2", "other", "y = 2", "end")
    assert again(moved, posted(ON_Y), lines=(3, 5)) == [5]


FAR = tuple(f"far = {number}" for number in range(NEARBY))


@pytest.mark.parametrize(
    "mended",
    [change("x = 1", "y = int(2)", "z = 3"), change("new", "y = int(2)", "z = 3")],
    ids=["the line alone", "the line before it as well"],
)
@pytest.mark.parametrize("more", [{}, {"settled": True}, {"open": False}, {"said_in": "summary"}])
def test_the_same_is_not_said_near_lines_that_were_changed_after_it(
    mended: tuple[FileDiff, ...], more: dict[str, object]
) -> None:
    comment = posted(ON_Y, **more)
    assert again(mended, comment, lines=(3,)) == []
    assert again(mended, comment, lines=(4,)) == []
    assert again(mended, comment, lines=(3, 4), words="Something else.") == [3, 4]


def test_lines_that_are_gone_are_told_and_new_ones_spoken_of() -> None:
    fixed = change("x = 1", "y = int(2)", "z = 3", *FAR, "w = 4")
    before = look_back([posted(ON_Y)], fixed, REPO, PULL)
    assert [one.comment_id for one in before.gone] == [1]
    assert again(fixed, posted(ON_Y), lines=(5 + NEARBY,)) == [5 + NEARBY]
    assert again(fixed, posted(ON_Y, around=("", "")), lines=(3,)) == [3]  # an old marker


@pytest.mark.parametrize("more", [{"settled": True}, {"open": False}, {"said_in": "review"}])
def test_what_is_settled_or_has_no_thread_is_not_settled_again(more: dict[str, object]) -> None:
    assert look_back([posted(ON_Y, **more)], change("other"), REPO, PULL).gone == ()


@pytest.mark.parametrize(
    "more", [{"dismissed": True}, {"open": False}], ids=["refused", "resolved as it was"]
)
def test_what_a_person_dismissed_is_not_said_elsewhere_either(more: dict[str, object]) -> None:
    new = change("x = 1", "y = 2", "z = 3", "extra")
    comment = posted(ON_Y, **more)
    assert again(new, comment, lines=(3, 5)) == []
    assert again(new, comment, lines=(5,), words="Something else.") == [5]


def test_what_was_resolved_because_it_was_heeded_may_be_said_elsewhere() -> None:
    heeded, line = posted(ON_Y, open=False), 4 + NEARBY
    assert again(change("x = 1", "y = 5", *FAR, "extra"), heeded, lines=(line,)) == [line]
    other = change("x = 1", "y = 5", "extra", path="b.py")
    assert again(other, heeded, lines=(3,)) == [3]


def test_a_comment_that_a_person_deleted_is_remembered_by_the_summary() -> None:
    remembered = posted(ON_Y, said_in="summary")
    new = change("x = 1", "y = 2", "z = 3", "extra")
    assert again(new, remembered, lines=(3, 5)) == []
    assert again(new, remembered, posted(ON_Y), lines=(3, 5)) == [5]


def test_a_remark_on_several_lines_is_known_by_all_of_them() -> None:
    span = Span(path="a.py", side="RIGHT", start=2, end=3)
    (both,) = place_all([Finding(span=span, message="Why?", score=0.9)], OLD, REPO, PULL)
    comment = posted(both)
    assert look_back([comment], change("k", "x = 1", "y = 2"), REPO, PULL).gone == ()
    assert look_back([comment], change("x = 1", "k", "y = 2"), REPO, PULL).gone == (comment,)
