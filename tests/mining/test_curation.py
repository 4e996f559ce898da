"""Curation: single keys decide, decisions outlive mining again, and JSON lines do as well."""

import json
import os
import pty
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mining.curate_commands import curate
from mining.curation import Decision, apply_decisions, origin_of
from mining.dataset_commands import dataset
from mining.store import open_store
from postil.errors import PayloadError, PostilError
from postil.records import Pair, read_jsonl
from tests.mining.history_builder import harbour

REPO = "team/harbour"
COMMAND = "from postil.cli import main; main()"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a dataset of three remarks, all in the training part."""
    monkeypatch.chdir(tmp_path)
    settings = 'repo = "team/harbour"\n[mining]\nshares = [1.0, 0.0, 0.0, 0.0]\n'
    (tmp_path / "postil.toml").write_text(settings, encoding="utf-8")
    harbour(tmp_path / "git", tmp_path / "home", REPO)
    build(tmp_path / "home")
    return tmp_path / "home"


def build(home: Path) -> str:
    done = CliRunner().invoke(dataset, ["build", "--home", str(home)], catch_exceptions=False)
    return str(done.output)


def pairs(home: Path) -> list[Pair]:
    found = read_jsonl(home / "datasets" / REPO / "pairs.jsonl", Pair)
    return [pair for pair in found if pair.kind == "remark"]


def press(home: Path, keys: str, *options: str) -> Result:
    asked = ["--home", str(home), *options]
    return CliRunner().invoke(curate, asked, input=keys, catch_exceptions=False)


def verdicts(home: Path) -> list[str]:
    with open_store(f"sqlite:///{home / 'store.db'}") as store:
        return sorted(decision.verdict for decision in store.decisions(REPO).values())


def test_single_keys_decide_and_a_build_applies_it(home: Path) -> None:
    before = pairs(home)
    done = press(home, "kds")
    assert "1 of 3" in done.output and "2 decided" in done.output
    assert verdicts(home) == ["drop", "keep"]
    assert "1 dropped in curation" in build(home)
    assert [p.origin for p in pairs(home)] == [before[0].origin, before[2].origin]
    assert "1 of 1" in press(home, "q").output  # only what was skipped is left
    assert "1 of 2" in press(home, "q", "--again").output


def test_undo_takes_back_what_was_decided_and_shows_it_again(home: Path) -> None:
    assert "0 decided" in press(home, "duuq").output
    assert verdicts(home) == []
    press(home, "kq")
    press(home, "duq", "--again")
    assert verdicts(home) == ["keep"]


def test_an_unknown_key_shows_the_same_remark(home: Path) -> None:
    done = press(home, "xq")
    assert done.output.count("1 of 3") == 2


def test_an_edit_changes_the_words_and_keeps_anchor_and_suggestion(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text(
        f'#!/bin/sh\n{sys.executable} -c "import sys; '
        "open(sys.argv[1], 'w').write('Say it better.\\n')\" $1\n"
    )
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    before = pairs(home)[0]
    press(home, "eq")
    assert "1 edited in curation" in build(home)
    after = pairs(home)[0]
    anchor, _, rest = before.response.partition("\n")
    assert after.response == f"{anchor}\nSay it better.\n{rest.partition(chr(10))[2]}"
    assert after.origin == before.origin
    assert "1 edited" in build(home)  # and again: a decision is data


def test_decisions_outlive_other_windows_and_mining_again(home: Path, tmp_path: Path) -> None:
    press(home, "dq")
    gone = pairs(home)[0].origin
    settings = tmp_path / "postil.toml"
    settings.write_text(settings.read_text() + "window_lines = 8\n", encoding="utf-8")
    harbour(tmp_path / "git", home, REPO)
    build(home)
    assert gone not in [pair.origin for pair in pairs(home)]


def test_json_lines_out_and_in(home: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in press(home, "", "--list").stdout_bytes.splitlines()]
    assert len(rows) == 3
    file = tmp_path / "decided.jsonl"
    told = [
        {"origin": rows[0]["origin"], "verdict": "drop"},
        {"origin": rows[1]["origin"], "verdict": "edit", "text": "Say it better."},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
    assert "2 decisions taken in" in press(home, "", "--apply", str(file)).output
    assert verdicts(home) == ["drop", "edit"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"origin": "unknown", "verdict": "drop"}, "no remark of the dataset has the origin"),
        ({"origin": "x", "verdict": "maybe"}, "decided.jsonl:1"),
        ({"origin": "x", "verdict": "edit"}, "an edit has a text"),
    ],
)
def test_wrong_json_lines_change_nothing(
    home: Path, tmp_path: Path, row: dict[str, str], said: str
) -> None:
    file = tmp_path / "decided.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(PostilError, match=said):
        press(home, "", "--apply", str(file))
    assert verdicts(home) == []


def test_a_real_terminal_takes_single_keys(home: Path) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "curate", "--home", str(home)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(terminal)
    shown = ""
    for number, key in enumerate("dkq", 1):
        while shown.count("[q]uit") < number:
            shown += os.read(controller, 4096).decode()
        while termios.tcgetattr(controller)[3] & termios.ICANON:  # it does not listen yet
            time.sleep(0.01)
        os.write(controller, key.encode())
    while "decided;" not in shown:
        shown += os.read(controller, 4096).decode()
    assert process.wait(30) == 0
    os.close(controller)
    assert "2 decided" in shown
    assert verdicts(home) == ["drop", "keep"]


def test_a_silence_can_only_be_dropped() -> None:
    one = origin_of("a/b", 1, "url", "NO_COMMENT", "x")
    assert one != origin_of("a/b", 1, "url", "NO_COMMENT", "y")
    assert origin_of("a/b", 1, "url", "R1\nhi", "x") == origin_of("a/b", 1, "url", "R2\nhi", "y")
    assert apply_decisions([], {one: Decision(origin=one, verdict="drop")}) == ([], {})
    with pytest.raises(PayloadError):
        Decision(origin="x", verdict="keep", text="words")
