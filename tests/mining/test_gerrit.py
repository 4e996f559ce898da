"""The gerrit source: which changes come, in which state, and what is refused."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from mining.sources.gerrit import Gerrit, read
from postil.errors import PayloadError, SourceError
from tests.mining.notedb_builder import (
    OWNER,
    REVIEWER,
    NoteDb,
    at,
    comment,
    created,
    entry,
    note,
)


@pytest.fixture
def db(tmp_path: Path) -> NoteDb:
    return NoteDb(tmp_path / "harbour.git")


def add(db: NoteDb, number: int, begun: int, closed: int | None = None) -> str:
    """A change with one comment at `begun` + 10, merged at `closed`."""
    sha = db.commit({"a": f"{number}\n"}, at=begun)
    said = note(comment(f"u{number}", "a", 1, "Hm", at=begun + 10))
    log = [created(sha, at=begun), entry(REVIEWER, begun + 10, "Patch-set: 1")]
    if closed is not None:
        log.append(entry(REVIEWER, closed, "Patch-set: 1", "Status: merged"))
    db.change(number, [sha], log, {sha: said})
    return sha


def mined(db: NoteDb, since: datetime | None = None, until: datetime | None = None) -> list[str]:
    return [key for key, *_ in Gerrit(str(db.path), None, None).fetch(since, until)]


def test_changes_come_by_number_each_with_the_time_it_moved(db: NoteDb) -> None:
    add(db, 103, 0, closed=50)
    add(db, 7, 100)
    payloads = list(Gerrit(str(db.path), None, None).fetch(None, None))
    assert [(key, moved) for key, moved, *_ in payloads] == [("7", at(110)), ("103", at(50))]


def test_a_closed_change_counts_by_when_it_closed_an_open_one_by_its_last_entry(
    db: NoteDb,
) -> None:
    add(db, 1, 0, closed=1000)
    add(db, 2, 0, closed=2000)
    add(db, 3, 1500)
    assert mined(db, until=at(1000)) == ["1"]
    assert mined(db, since=at(1001)) == ["2", "3"]
    assert mined(db, since=at(1000), until=at(1999)) == ["1", "3"]


def test_a_late_remark_brings_a_closed_change_in_again(db: NoteDb) -> None:
    add(db, 1, 0, closed=1000)
    db.grow(1, [entry(REVIEWER, 5000, "Patch-set: 1")], {})
    assert mined(db, since=at(4000)) == ["1"]
    assert mined(db, since=at(4000), until=at(4500)) == []


def test_what_was_said_after_the_last_date_stays_unseen(db: NoteDb) -> None:
    sha = add(db, 1, 0, closed=1000)
    late = comment("late", "a", 1, "Now I see", at=5000)
    early = comment("u1", "a", 1, "Hm", at=10)
    db.grow(1, [entry(REVIEWER, 5000, "Patch-set: 1")], {sha: note(early, late)})
    ((_, moved, body, *_),) = Gerrit(str(db.path), None, None).fetch(None, at(2000))
    assert [thread.id for thread in read(body).threads] == ["u1"]
    assert moved == at(1000)
    assert b"Now I see" not in body
    ((_, _, whole, *_),) = Gerrit(str(db.path), None, None).fetch(None, None)
    assert [thread.id for thread in read(whole).threads] == ["u1", "late"]


def test_the_same_clone_gives_the_same_bytes(db: NoteDb) -> None:
    for number in range(1, 5):
        add(db, number, number * 10)
    first = list(Gerrit(str(db.path), None, None).fetch(None, None))
    assert list(Gerrit(str(db.path), None, None).fetch(None, None)) == first


def test_a_change_whose_log_is_broken_off_is_counted_and_the_rest_mined(db: NoteDb) -> None:
    add(db, 1, 0)
    add(db, 2, 0)
    tip = db.git("rev-parse", "refs/changes/01/1/meta^")
    (db.path / "objects" / tip[:2] / tip[2:]).unlink()
    (_, moved, broken, *_), (_, _, sound, *_) = Gerrit(str(db.path), None, None).fetch(None, None)
    assert moved is None
    with pytest.raises(PayloadError, match="change 1: no log"):
        read(broken)
    assert len(read(sound).threads) == 1


def test_a_note_that_is_gone_is_counted(db: NoteDb) -> None:
    add(db, 1, 0)
    blob = db.git(
        "rev-parse", "refs/changes/01/1/meta:" + db.git("rev-parse", "refs/changes/01/1/1")
    )
    (db.path / "objects" / blob[:2] / blob[2:]).unlink()
    (payload,) = Gerrit(str(db.path), None, None).fetch(None, None)
    dropped: Counter[str] = Counter()
    assert read(payload.body, dropped).threads == ()
    assert dropped == {"malformed note": 1}


def test_a_clone_without_reviews_is_told_how_to_fetch_them(db: NoteDb) -> None:
    db.git("update-ref", "refs/heads/main", db.commit({"a": "1\n"}))
    with pytest.raises(SourceError) as caught:
        Gerrit(str(db.path), None, None)
    assert "git fetch origin 'refs/changes/*:refs/changes/*'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a git repository"):
        Gerrit(str(tmp_path), None, None)


def test_the_name_is_given_or_the_remotes_or_the_folders(db: NoteDb) -> None:
    add(db, 1, 0)
    assert Gerrit(str(db.path), None, "team/x").repo == "team/x"
    assert Gerrit(str(db.path), None, None).repo == "harbour"
    for remote in ("ssh://me@host:29418/team/tides.git", "me@host:team/tides.git"):
        db.git("config", "remote.origin.url", remote)
        assert Gerrit(str(db.path), None, None).repo == "team/tides"


def test_a_url_is_cloned_with_its_reviews_and_brought_up_to_date(
    db: NoteDb, tmp_path: Path
) -> None:
    db.git("update-ref", "refs/heads/main", add(db, 1, 0))
    with pytest.raises(SourceError, match="--clone PATH"):
        Gerrit(db.path.as_uri(), None, None)
    copy = tmp_path / "copy"
    source = Gerrit(db.path.as_uri(), copy, None)
    assert [key for key, *_ in source.fetch(None, None)] == ["1"]
    assert source.clone == copy
    add(db, 2, 0)
    assert [key for key, *_ in Gerrit(db.path.as_uri(), copy, None).fetch(None, None)] == [
        "1",
        "2",
    ]


def test_account_names_are_numbers_only(db: NoteDb) -> None:
    add(db, 1, 0)
    (payload,) = Gerrit(str(db.path), None, None).fetch(None, None)
    change = read(payload.body)
    assert {change.pull.author, change.threads[0].author} == {f"user-{OWNER}", f"user-{REVIEWER}"}


def taken(db: NoteDb, mark: str | None) -> tuple[list[str], str | None]:
    """What a run behind a mark reads, and the mark that it leaves."""
    source = Gerrit(str(db.path), None, None)
    if mark is not None:
        source.resume(mark)
    payloads = list(source.fetch(None, None))
    assert all(payload.mark is None for payload in payloads[:-1])
    return [payload.key for payload in payloads], payloads[-1].mark if payloads else None


def test_a_later_run_reads_only_what_moved(db: NoteDb) -> None:
    add(db, 7, 0, closed=50)
    add(db, 8, 0)
    keys, mark = taken(db, None)
    assert keys == ["7", "8"] and mark is not None
    assert taken(db, mark) == ([], None)
    add(db, 9, 200)
    keys, later = taken(db, mark)
    assert keys == ["9"] and later is not None
    assert taken(db, later) == ([], None)


def test_a_mark_of_another_release_or_a_wish_for_a_time_reads_everything(db: NoteDb) -> None:
    add(db, 7, 0, closed=50)
    assert taken(db, '{"format":0,"refs":{"7":"0"}}')[0] == ["7"]
    assert taken(db, "12")[0] == ["7"]
    _, mark = taken(db, None)
    assert mark is not None
    source = Gerrit(str(db.path), None, None)
    source.resume(mark)
    assert [payload.key for payload in source.fetch(None, at(100))] == ["7"]
