"""`postil mine` as people call it: what it prints, what it stores, and how it fails."""

import subprocess
import sys
from pathlib import Path

import pytest

from mining.store import open_store
from postil import cli
from tests.mining.notedb_builder import REVIEWER, NoteDb, comment, created, entry, note


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No store, settings or variables of the machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTIL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("POSTIL_DATABASE_URL", raising=False)


@pytest.fixture
def db(tmp_path: Path) -> NoteDb:
    made = NoteDb(tmp_path / "harbour.git")
    for number in (1, 2):
        add(made, number)
    return made


def add(db: NoteDb, number: int, notes: dict[str, str] | None = None, merged: int = 900) -> None:
    sha = db.commit({"a": f"{number}\n"})
    said = note(comment(f"u{number}", "a", 1, "Hm"), comment("m", "/COMMIT_MSG", 1, "Typo"))
    log = [
        created(sha),
        entry(REVIEWER, 100, "Patch-set: 1"),
        entry(REVIEWER, merged, "Patch-set: 1", "Status: merged"),
    ]
    db.change(number, [sha], log, {sha: said, **(notes or {})})


def run(
    *arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["postil", *arguments])
    code = 0
    try:
        cli.main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def stored(home: Path) -> list[str]:
    with open_store(f"sqlite:///{home / 'store.db'}") as store:
        return [payload.key for payload in store.payloads()]


def test_mining_twice_stores_once_and_says_what_came_in(
    db: NoteDb,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ("mine", "--source", f"gerrit:{db.path}", "--repo", "team/harbour")
    code, out, err = run(*asked, monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    assert "team/harbour: 2 changes (2 new, 0 changed, 0 as before)" in out
    assert "2 review threads on lines of files: 2 by reviewers" in out
    assert "2 commit message" in out
    assert "Mining team/harbour" in err
    add(db, 3)
    _, out, _ = run(*asked, monkeypatch=monkeypatch, capsys=capsys)
    assert "1 changes (1 new, 0 changed, 0 as before)" in out
    assert stored(tmp_path / "home") == ["1", "2", "3"]
    with open_store(f"sqlite:///{tmp_path / 'home' / 'store.db'}") as store:
        (source,) = store.sources()
        assert (source.where, source.clone) == (f"gerrit:{db.path}", db.path)


def test_the_last_day_counts_whole(
    db: NoteDb, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("mine", "--source", f"gerrit:{db.path}")
    _, out, _ = run(*asked, "--until", "2020-09-13", monkeypatch=monkeypatch, capsys=capsys)
    assert "harbour: 2 changes" in out
    code, out, _ = run(*asked, "--since", "2020-09-14", monkeypatch=monkeypatch, capsys=capsys)
    assert (code, "harbour: 0 changes" in out) == (0, True)


def test_the_repository_may_be_named_in_postil_toml(
    db: NoteDb,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "postil.toml").write_text('repo = "team/tides"\n', encoding="utf-8")
    asked = ("mine", "--source", f"gerrit:{db.path}")
    assert "team/tides: 2" in run(*asked, monkeypatch=monkeypatch, capsys=capsys)[1]


def test_one_malformed_note_is_counted_and_the_rest_mined(
    db: NoteDb, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add(db, 3, notes={"c" * 40: "{ not json"})
    asked = ("mine", "--source", f"gerrit:{db.path}")
    code, out, _ = run(*asked, monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    assert "3 review threads" in out
    assert "1 malformed note" in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--source", "svn:/x"), 2, "unknown kind of source 'svn'"),
        (("--source", "svn:/x"), 2, "kinds: archive, forgejo, gerrit, github, history"),
        (("--source", "/some/path"), 2, "write KIND:WHERE"),
        (("--source", "gerrit:/there/is/nothing"), 1, "not a git repository"),
        (("--source", "gerrit:."), 1, "not a git repository"),
        (("--source", "gerrit:x", "--since", "soon"), 2, "'soon' is no date like 2023-12-31"),
        (("--source", "gerrit:x", "--since", "2024", "--until", "2023"), 2, "is no date"),
        (
            ("--source", "gerrit:x", "--since", "2024-01-01", "--until", "2023-01-01"),
            2,
            "--since is later than --until",
        ),
        (("--source", "gerrit:harbour.git", "--database-url", "nonsense"), 2, "database URL"),
        ((), 2, "Missing option '--source'"),
    ],
)
def test_wrong_calls_end_in_one_clear_line(
    arguments: tuple[str, ...],
    code: int,
    said: str,
    db: NoteDb,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    got, out, err = run("mine", *arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert (got, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_a_clone_in_which_nothing_can_be_read_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    db = NoteDb(tmp_path / "broken.git")
    db.git("update-ref", "refs/changes/01/1/meta", db.blob("x"))
    asked = ("mine", "--source", f"gerrit:{db.path}")
    code, _, err = run(*asked, monkeypatch=monkeypatch, capsys=capsys)
    assert code == 1
    assert "none of its 1 changes can be read" in err


INTERRUPTED = """
import signal, sys
from datetime import UTC, datetime
from pathlib import Path
from mining import commands
from mining.sources import gerrit
from postil import cli

class Slow(gerrit.Gerrit):
    def fetch(self, since, until):
        for number, payload in enumerate(super().fetch(since, until)):
            yield payload
            if number == 0:
                signal.raise_signal(signal.SIGINT)

gerrit.Gerrit = Slow
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
sys.argv = ["postil", "mine", "--source", "gerrit:" + sys.argv[1]]
cli.main()
"""


def test_ctrl_c_keeps_what_was_fetched(db: NoteDb, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(db.path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 130
    assert "what was fetched is stored" in done.stderr
    assert "Traceback" not in done.stderr
    assert stored(tmp_path / "home") == ["1"]


def test_dataset_has_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run("dataset", "--help", monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    assert all(name in out for name in ("build", "card", "export", "forget"))
