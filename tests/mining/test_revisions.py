"""What is asked of git about revisions, and what is None because git cannot give it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mining.repository import Repository, open_repository
from mining.revisions import Revisions
from postil.records import Revision
from tests.mining.notedb_builder import NoteDb

BODY = "".join(f"line {number}\n" for number in range(1, 21))


@pytest.fixture
def db(tmp_path: Path) -> NoteDb:
    return NoteDb(tmp_path / "harbour.git")


@pytest.fixture
def repository(db: NoteDb) -> Iterator[Repository]:
    with open_repository(db.path) as opened:
        yield opened


def test_one_file_between_two_revisions_is_the_one_of_the_whole_diff(
    db: NoteDb, repository: Repository
) -> None:
    before = db.commit({"a.py": BODY, "b.py": "1\n", "gone.py": BODY * 2, "same.py": "x\n"})
    after = db.commit(
        {"c.py": BODY.replace("line 10\n", "ten\n"), "b.py": "2\n", "same.py": "x\n", "n.py": "y\n"}
    )
    revisions = Revisions(repository)
    whole = revisions.change_of(Revision(number=1, sha=after, base_sha=before))
    assert whole is not None
    for file in whole:
        assert revisions.file_between(before, after, file.old_path) == (file,)
    assert {(file.old_path, file.change) for file in whole} == {
        ("a.py", "renamed"),
        ("b.py", "modified"),
        ("gone.py", "deleted"),
        ("n.py", "added"),
    }
    assert revisions.file_between(before, after, "same.py") == ()
    assert revisions.file_between(before, after, "never.py") == ()


def test_a_commit_that_is_gone_gives_nothing(db: NoteDb, repository: Repository) -> None:
    there, gone = db.commit({"a.py": BODY}), "0" * 40
    revisions = Revisions(repository)
    assert revisions.file_between(there, gone, "a.py") is None
    assert revisions.file_between(gone, there, "a.py") is None
    assert revisions.change_of(Revision(number=1, sha=gone, base_sha=there)) is None
    assert revisions.lines(gone, "a.py") is None


def test_a_commit_is_known_once_it_has_come(db: NoteDb, repository: Repository) -> None:
    revisions = Revisions(repository)
    tree = db.tree({"a.py": BODY})
    assert not revisions.has("1" * 40)
    assert revisions.has(tree)
    sha = db.commit({"a.py": "new\n"})
    assert revisions.has(sha)
    assert revisions.has(sha)
