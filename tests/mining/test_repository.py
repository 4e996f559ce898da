"""Reading git through the two long-lived processes, kept apart from the machine's settings."""

import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from mining.git_environment import online_environment
from mining.objects import EMPTY_TREE
from mining.repository import Repository, clone, open_repository, without_password
from postil.diff import parse_diff
from postil.errors import SourceError
from tests.mining.notedb_builder import START, NoteDb

BODY = "".join(f"line {number}\n" for number in range(1, 21))


@pytest.fixture
def db(tmp_path: Path) -> NoteDb:
    return NoteDb(tmp_path / "harbour.git")


@pytest.fixture
def repository(db: NoteDb) -> Iterator[Repository]:
    with open_repository(db.path) as opened:
        yield opened


@pytest.mark.parametrize("make", [False, True], ids=["no folder", "a plain folder"])
def test_what_is_no_repository_is_refused_in_one_line(tmp_path: Path, make: bool) -> None:
    path = tmp_path / "plain"
    if make:
        path.mkdir()
    with pytest.raises(SourceError) as caught:
        open_repository(path)
    assert str(caught.value) == f"{path}: not a git repository"


def test_refs_are_listed_under_their_prefix(db: NoteDb, repository: Repository) -> None:
    sha = db.commit({"a": "x\n"})
    db.git("update-ref", "refs/heads/main", sha)
    db.git("update-ref", "refs/changes/07/7/1", sha)
    assert repository.refs("refs/changes") == {"refs/changes/07/7/1": sha}
    assert repository.refs("refs/none") == {}


def test_commits_know_their_parents_and_where_they_parted(
    db: NoteDb, repository: Repository
) -> None:
    root = db.commit({"a": "1\n"})
    left, right = db.commit({"a": "2\n"}, root), db.commit({"a": "3\n"}, root)
    merge = db.commit({"a": "4\n"}, left, right)
    assert repository.parents(merge) == (left, right)
    assert (repository.parent(merge), repository.parent(root)) == (left, None)
    assert repository.merge_base(left, right) == root
    assert repository.merge_base(root, left) == root
    assert repository.merge_base(left, db.commit({"b": "1\n"})) is None
    assert repository.merge_base(EMPTY_TREE, left) is None
    assert (repository.has(root), repository.has("0" * 40)) == (True, False)
    assert repository.parents("0" * 40) is None


def test_a_diff_follows_renames_and_reads_odd_bytes(db: NoteDb, repository: Repository) -> None:
    base = db.commit({"old name.py": BODY})
    head = db.commit({"new/näme.py": BODY.replace("line 10\n", "line ten\n")}, base)
    (file,) = parse_diff(repository.diff(base, head))
    assert (file.change, file.old_path, file.path) == ("renamed", "old name.py", "new/näme.py")
    assert [line.text for line in file.hunks[0].lines if line.kind != " "] == [
        "line 10",
        "line ten",
    ]
    assert len(file.hunks[0].lines) == 8


def test_many_diffs_come_one_after_another(db: NoteDb, repository: Repository) -> None:
    base = db.commit({"a": "1\n"})
    head = db.commit({"a": "postil-end-of-diff\n"}, base)
    assert repository.diff(base, base) == ""
    assert "+postil-end-of-diff" in repository.diff(base, head)
    assert "-postil-end-of-diff" in repository.diff(head, base)
    assert "+1" in repository.diff(EMPTY_TREE, base)


def test_trees_and_tags_are_compared_as_commits_are(db: NoteDb, repository: Repository) -> None:
    base = db.commit({"a": "1\n"})
    head = db.commit({"a": "2\n"}, base)
    db.git("tag", "-a", "v1", "-m", "first", base)
    tag = db.git("rev-parse", "refs/tags/v1")
    trees = [db.git("rev-parse", f"{sha}^{{tree}}") for sha in (base, head)]
    wanted = repository.diff(base, head)
    assert "-1\n+2" in wanted
    for before in (base, trees[0], tag, "refs/tags/v1"):
        for after in (head, trees[1]):
            assert repository.diff(before, after) == wanted


def test_a_merge_is_compared_with_whatever_is_named(db: NoteDb, repository: Repository) -> None:
    root = db.commit({"a": "1\n"})
    left, right = db.commit({"a": "2\n"}, root), db.commit({"a": "1\n", "b": "3\n"}, root)
    merge = db.commit({"a": "2\n", "b": "3\n"}, left, right)
    assert [file.path for file in parse_diff(repository.diff(left, merge))] == ["b"]
    assert [file.path for file in parse_diff(repository.diff(right, merge))] == ["a"]
    assert [file.path for file in parse_diff(repository.diff(root, merge))] == ["a", "b"]


def test_a_diff_longer_than_a_pipe_comes_whole(db: NoteDb, repository: Repository) -> None:
    text = "".join(f"{number} {'x' * (number % 97)}\n" for number in range(9000))
    head = db.commit({"a": text})
    (file,) = parse_diff(repository.diff(EMPTY_TREE, head))
    assert "".join(f"{line.text}\n" for line in file.hunks[0].lines) == text
    assert repository.diff(head, head) == ""


def test_commits_come_newest_first_of_all_refs_or_of_one(
    db: NoteDb, repository: Repository
) -> None:
    root = db.commit({"a": "1\n"})
    main = db.git(
        "commit-tree", f"{root}^{{tree}}", "-p", root, text="ends\u00e9\n\nbody\n", at=START + 9
    )
    side = db.commit({"a": "2\n"}, root, at=20)
    db.git("update-ref", "refs/heads/main", main)
    db.git("update-ref", "refs/pull/7/head", side)
    assert [row.sha for row in repository.commits()] == [side, main, root]
    newest, _ = repository.commits("refs/heads/main")
    assert (newest.sha, newest.parents, newest.author_name) == (main, (root,), "A")
    assert newest.message == "ends\u00e9\n\nbody\n"
    assert list(repository.commits("--all")) == []
    assert next(repository.commits(side)).sha == side


def test_more_commits_than_a_pipe_holds_come_whole(db: NoteDb, repository: Repository) -> None:
    lines = [f"{'é' * (n % 50)} {n}\n" * (n % 7 + 1) for n in range(3000)]
    feed = "".join(
        f"commit refs/heads/main\nmark :{n + 1}\ncommitter C <c@example.com> {n} +0000\n"
        f"data {len(text.encode())}\n{text}\n"
        for n, text in enumerate(lines)
    )
    db.git("fast-import", "--quiet", text=feed)
    assert [row.message for row in repository.commits()][::-1] == lines


def test_a_diff_with_an_unknown_commit_says_so(db: NoteDb, repository: Repository) -> None:
    base = db.commit({"a": "1\n"})
    for pair in ((base, "f" * 40), ("f" * 40, base)):
        with pytest.raises(SourceError, match="there is no commit ffff"):
            repository.diff(*pair)
    assert repository.diff(EMPTY_TREE, base)


def test_a_repository_with_a_hole_says_so_and_goes_on(db: NoteDb, repository: Repository) -> None:
    base, head = db.commit({"a": "1\n"}), db.commit({"a": "2\n"})
    blob = db.git("rev-parse", f"{head}:a")
    (db.path / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(SourceError, match="git cannot diff"):
        repository.diff(base, head)
    assert repository.lines(head, "a") is None
    assert repository.diff(EMPTY_TREE, base)


def test_a_remote_that_is_gone_is_one_line(db: NoteDb, repository: Repository) -> None:
    for remote in ("origin", "ext::sh -c 'touch ran'"):
        with pytest.raises(SourceError, match="cannot fetch from") as caught:
            repository.fetch(["refs/heads/*:refs/heads/*"], remote)
        assert "\n" not in str(caught.value)


def test_neither_user_nor_checkout_change_a_diff(
    db: NoteDb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = db.commit({"a.py": BODY, ".gitattributes": "*.py -diff\n"})
    head = db.commit({"a.py": BODY + "more\n", ".gitattributes": "*.py -diff\n"}, base)
    with open_repository(db.path) as repository:
        plain = repository.diff(base, head)
    marker = tmp_path / "ran"
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[diff]\n noprefix = true\n context = 0\n external = "touch {marker}"\n'
        f'[diff "evil"]\n textconv = "touch {marker}; cat"\n command = "touch {marker}"\n'
        "[color]\n ui = always\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {marker}")
    monkeypatch.setenv("GIT_DIFF_OPTS", "-u0")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    checkout = tmp_path / "checkout"
    db.git("worktree", "add", "--quiet", "--detach", str(checkout), head)
    for attributes in ("*.py -diff\n", "*.py diff=evil\n"):
        (checkout / ".gitattributes").write_text(attributes, encoding="utf-8")
        with open_repository(checkout) as repository:
            assert repository.diff(base, head) == plain
    assert plain.startswith("diff --git a/a.py b/a.py\n")
    assert "+more" in plain
    assert not marker.exists()


def test_lines_are_those_of_the_file(db: NoteDb, repository: Repository) -> None:
    sha = db.commit({"a b.txt": "one\r\ntwo\x0cand\nthree", "bin": "x\0y", "in/empty": ""})
    assert repository.lines(sha, "a b.txt") == ("one\r", "two\x0cand", "three")
    assert repository.lines(sha, "in/empty") == ()
    assert repository.lines(sha, "bin") is None
    assert repository.lines(sha, "in") is None
    assert repository.lines(sha, "no such file.txt") is None
    assert repository.lines(sha, "a\nb") is None
    assert repository.lines(sha, "in/empty") == ()


def test_more_objects_than_a_pipe_holds_come_in_order(db: NoteDb, repository: Repository) -> None:
    long = [db.blob(str(number) * 70_000) for number in range(10)]
    asked = [long[number % 10] if number % 7 else "0" * 40 for number in range(500)]
    found = repository.objects(asked)
    assert [f.id if f else "0" * 40 for f in found] == asked


def test_a_closed_repository_opens_again_when_asked(db: NoteDb, repository: Repository) -> None:
    base = db.commit({"a": "1\n"})
    assert repository.has(base)
    assert repository.diff(EMPTY_TREE, base)
    repository.close()
    assert repository.has(base)


def test_a_clone_is_bare_and_fetches_reviews(db: NoteDb, tmp_path: Path) -> None:
    sha = db.commit({"a": "1\n"})
    db.git("update-ref", "refs/heads/main", sha)
    db.git("update-ref", "refs/changes/07/7/meta", sha)
    with clone(db.path.as_uri(), tmp_path / "copy") as copy:
        assert copy.refs("refs/changes") == {}
        copy.fetch(["refs/changes/*:refs/changes/*"])
        assert copy.refs("refs/changes") == {"refs/changes/07/7/meta": sha}
        assert copy.remote_url() == db.path.as_uri()


@pytest.mark.parametrize("url", ["ext::sh -c 'touch ran'", "file:///there/is/nothing.git"])
def test_what_cannot_be_cloned_is_one_line(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as caught:
        clone(url, tmp_path / "copy")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_a_token_is_sent_to_its_own_host_and_to_no_other() -> None:
    environment = {**os.environ, **online_environment("https://me@git.example:3000/a/b.git", "t0k")}

    def sent_to(url: str) -> str:
        asked = ["git", "config", "--get-urlmatch", "http.extraHeader", url]
        done = subprocess.run(asked, env=environment, capture_output=True, text=True)
        return done.stdout.strip()

    signed = b64encode(b"x-access-token:t0k").decode()
    assert sent_to("https://git.example:3000/a/b.git") == f"Authorization: Basic {signed}"
    others = ("https://git.example/a/b.git", "http://git.example:3000/a", "https://evil.example/")
    assert [sent_to(url) for url in others] == ["", "", ""]


def test_passwords_are_not_shown() -> None:
    assert without_password("from https://me:pw@host/x y") == "from https://host/x y"
    assert without_password("git@host:x") == "git@host:x"
