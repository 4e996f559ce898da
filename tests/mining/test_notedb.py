"""Reading one NoteDb payload, through a real tiny repository."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mining.sources.gerrit import read
from postil.errors import PayloadError
from postil.records import Span
from tests.mining.notedb_builder import (
    OWNER,
    REVIEWER,
    SECOND,
    SERVER,
    Harbour,
    at,
    comment,
    note,
)

SAMPLE = Path(__file__).parents[2] / "../shared/data/github/gerrit-notedb-sample.json"


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path)


def test_a_comment_becomes_a_thread_on_its_line(harbour: Harbour) -> None:
    change = harbour.read(comment("u1", "ships.py", 2, "Why two?"))
    (thread,) = change.threads
    assert (thread.id, thread.revision, thread.body) == ("u1", harbour.sha, "Why two?")
    assert thread.span == Span(path="ships.py", side="RIGHT", start=2, end=2)
    assert (thread.author, thread.author_kind) == (f"user-{REVIEWER}", "person")
    assert thread.created_at == at(100)
    assert change.pull.author == f"user-{OWNER}"
    assert change.pull.title == "Count the ships"
    (revision,) = change.pull.revisions
    assert (revision.sha, revision.base_sha, revision.pushed_at) == (
        harbour.sha,
        harbour.base,
        at(0),
    )


def test_what_is_on_no_line_of_a_file_is_counted_by_reason(harbour: Harbour) -> None:
    change, dropped = harbour.tally(
        comment("u1", "/COMMIT_MSG", 1, "Typo"),
        comment("u2", "/PATCHSET_LEVEL", 0, "Nice"),
        comment("u3", "/PATCHSET_LEVEL", 0, "Thanks", parentUuid="u2"),
        comment("u4", "/MERGE_LIST", 3, "Hm"),
        comment("u5", "ships.py", 0, "Is this file needed?"),
        comment("u6", "ships.py", 1, "gone", parentUuid="nobody"),
    )
    assert change.threads == ()
    assert dropped == {
        "commit message": 1,
        "patchset level": 1,
        "merge list": 1,
        "whole file": 1,
        "reply to a comment that is gone": 1,
    }


@pytest.mark.parametrize(
    ("side", "expected"), [(1, "RIGHT"), (0, "LEFT"), (-1, "LEFT")], ids=["new", "parent", "first"]
)
def test_side_zero_or_less_is_the_parent(harbour: Harbour, side: int, expected: str) -> None:
    noted_on = harbour.sha if side == 1 else harbour.base
    said = comment("u1", "ships.py", 1, "Hm", side=side)
    change = harbour.read(notes={noted_on: note(said)})
    (thread,) = change.threads
    assert (thread.span.side, thread.revision) == (expected, harbour.sha)
    assert [review.revision for review in change.reviews] == [harbour.sha]


def test_the_automatic_merge_and_second_parent_of_a_merge_have_no_place(tmp_path: Path) -> None:
    harbour = Harbour(tmp_path)
    other = harbour.db.commit({"ships.py": "zero\n"})
    harbour.sha = harbour.db.commit({"ships.py": "one\ntwo\n"}, harbour.base, other)
    change, dropped = harbour.tally(
        comment("u1", "ships.py", 1, "auto", side=0),
        comment("u2", "ships.py", 1, "second", side=-2),
        comment("u3", "ships.py", 1, "first", side=-1),
    )
    assert [thread.id for thread in change.threads] == ["u3"]
    assert dropped == {"parent of a merge": 2}


@pytest.mark.parametrize(
    ("end_line", "end_char", "last"),
    [(3, 4, 3), (3, 0, 2), (1, 0, 1)],
    ids=["inside the last line", "before its first character", "empty range"],
)
def test_a_range_covers_the_lines_it_touches(
    harbour: Harbour, end_line: int, end_char: int, last: int
) -> None:
    characters = {"startLine": 1, "startChar": 0, "endLine": end_line, "endChar": end_char}
    written = comment("u1", "ships.py", end_line, "Hm", range=characters)
    (thread,) = harbour.read(written).threads
    assert (thread.span.start, thread.span.end) == (1, last)


def test_replies_join_their_thread_however_deep_and_in_time_order(harbour: Harbour) -> None:
    (thread,) = harbour.read(
        comment("u3", "ships.py", 2, "Thanks", parentUuid="u2", at=300),
        comment("u2", "ships.py", 2, "Done", parentUuid="u1", at=200, by=OWNER),
        comment("u1", "ships.py", 2, "Rename it", at=100, unresolved=True),
    ).threads
    assert [(r.author_kind, r.body) for r in thread.replies] == [
        ("self", "Done"),
        ("person", "Thanks"),
    ]


def test_comments_that_answer_each_other_in_a_circle_are_counted(harbour: Harbour) -> None:
    change, dropped = harbour.tally(
        comment("u1", "ships.py", 2, "a", parentUuid="u2"),
        comment("u2", "ships.py", 2, "b", parentUuid="u1"),
    )
    assert change.threads == ()
    assert dropped == {"reply to a comment that is gone": 2}


@pytest.mark.parametrize(
    ("first", "last", "resolved"),
    [(True, False, True), (True, True, False), (False, False, None)],
    ids=["closed again", "still open", "never open"],
)
def test_the_last_comment_says_whether_a_thread_is_resolved(
    harbour: Harbour, first: bool, last: bool, resolved: bool | None
) -> None:
    (thread,) = harbour.read(
        comment("u1", "ships.py", 2, "Rename it", unresolved=first),
        comment("u2", "ships.py", 2, "Done", parentUuid="u1", at=200, unresolved=last),
    ).threads
    assert thread.resolved is resolved


@pytest.mark.parametrize(
    "fields",
    [{"tag": "autogenerated:lint"}, {"robotId": "lint"}, {"isAi": True}],
    ids=["tag", "robot", "ai"],
)
def test_what_a_program_wrote_is_a_bots(harbour: Harbour, fields: dict[str, Any]) -> None:
    change = harbour.read(comment("u1", "ships.py", 2, "Too long", **fields))
    assert change.threads[0].author_kind == "bot"
    assert change.reviews == ()


def test_a_comment_that_came_by_mail_is_a_persons(harbour: Harbour) -> None:
    change = harbour.read(comment("u1", "ships.py", 2, "Hm", tag="mailMessageId=<x@y>"))
    assert change.threads[0].author_kind == "person"


def test_robot_comments_have_a_ref_of_their_own(harbour: Harbour) -> None:
    robots = {harbour.sha: note(comment("r1", "ships.py", 1, "Unused", robotId="lint"))}
    (thread,) = harbour.read(robots=robots).threads
    assert (thread.id, thread.author_kind) == ("r1", "bot")


def test_who_really_wrote_counts(harbour: Harbour) -> None:
    written = comment("u1", "ships.py", 2, "Hm", realAuthor={"id": SECOND})
    (thread,) = harbour.read(written).threads
    assert thread.author == f"user-{SECOND}"


def test_notes_in_nested_folders_are_found(harbour: Harbour) -> None:
    sha = harbour.sha
    fanned = {f"{sha[:2]}/{sha[2:]}": note(comment("u1", "ships.py", 2, "Hm"))}
    assert [thread.revision for thread in harbour.read(notes=fanned).threads] == [sha]


def test_one_bad_note_or_comment_is_counted_and_the_rest_read(harbour: Harbour) -> None:
    notes = {
        "a" * 40: "{ not json",
        "b" * 40: "Revision: bbbb\nPatch-set: 1\nFile: ships.py\n",
        harbour.sha: note(
            comment("u1", "ships.py", 2, "Good"),
            {"key": {"uuid": "u2"}},
            comment("u3", "ships.py", 2, "When?", writtenOn="yesterday"),
            comment(
                "u4",
                "ships.py",
                5,
                "Hm",
                range=dict.fromkeys(("startLine", "startChar", "endLine", "endChar"), 0),
            ),
        ),
    }
    change, dropped = harbour.tally(notes=notes)
    assert [thread.id for thread in change.threads] == ["u1"]
    assert dropped == {
        "malformed note": 1,
        "note in an old format": 1,
        "malformed comment": 3,
    }


def test_times_as_old_servers_wrote_them_are_read(harbour: Harbour) -> None:
    written = comment("u1", "ships.py", 2, "Hm", writtenOn="Apr 10, 2009 8:08:29 PM")
    (thread,) = harbour.read(written).threads
    assert thread.created_at == datetime(2009, 4, 10, 20, 8, 29, tzinfo=UTC)


def test_a_suggestion_is_read_from_a_fence_or_from_a_fix(harbour: Harbour) -> None:
    def fix(start: int, end: int, text: str) -> list[dict[str, Any]]:
        where = {"startLine": start, "startChar": 0, "endLine": end, "endChar": 0}
        change = {"path": "ships.py", "range": where, "replacement": text}
        return [{"fixId": "f", "description": "d", "replacements": [change]}]

    threads = harbour.read(
        comment("u1", "ships.py", 2, "Better:\n```suggestion\nthree\n```"),
        comment("u2", "ships.py", 2, "Better", fixSuggestions=fix(2, 3, "three\n")),
        comment("u3", "ships.py", 2, "Elsewhere", fixSuggestions=fix(1, 2, "three\n")),
        comment("u4", "ships.py", 2, "Plain"),
    ).threads
    assert {t.id: t.suggestion for t in threads} == {
        "u1": "three\n",
        "u2": "three\n",
        "u3": None,
        "u4": None,
    }


def test_a_body_that_is_no_change_is_refused() -> None:
    for body in (b"", b"[]", b'{"number": 1}', b"\xff"):
        with pytest.raises(PayloadError):
            read(body)


def test_the_reviews_of_a_real_server_are_read_whole() -> None:
    if not SAMPLE.exists():
        pytest.skip("shared/data is not beside the project")
    threads = 0
    for sample in json.loads(SAMPLE.read_text(encoding="utf-8")):
        log = [
            {
                "author": f"{e['author']} <{e['author'].split()[-1]}@{SERVER}>",
                "at": int(datetime.fromisoformat(e["date"]).timestamp()),
                "message": e["message"],
            }
            for e in sample["meta_log"]
        ]
        notes = [
            {"revision": n["revision"], "text": json.dumps(n["note"])} for n in sample["notes"]
        ]
        payload = {
            "format": 1,
            "repo": "git-repo",
            "number": int(sample["ref"].split("/")[3]),
            "remote": None,
            "log": log,
            "notes": notes,
            "robot_notes": [],
            "patch_sets": {},
            "parents": {},
        }
        dropped: Counter[str] = Counter()
        change = read(json.dumps(payload).encode(), dropped)
        threads += len(change.threads)
        assert not any("malformed" in reason for reason in dropped)
        assert change.pull.state in ("merged", "closed")
    assert threads > 20
