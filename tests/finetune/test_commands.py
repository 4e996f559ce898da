import json
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from finetune.adapters import Registry
from finetune.base_model import BaseModel
from finetune.cards import CARD
from postil.cli import postil
from postil.errors import PostilError
from postil.records import write_jsonl
from tests.finetune.builders import FORCED, make_team
from tests.finetune.test_adapters import publish

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTIL_HOME", str(tmp_path / "home"))
    (tmp_path / "postil.toml").write_text(
        "[train]\nbatch = 8\nepochs = 0.5\nmax_length = 512\nrank = 4\n"
    )
    return lambda *words: CliRunner().invoke(postil, [str(word) for word in words])


def refused(result: Result) -> PostilError:
    assert isinstance(result.exception, PostilError), result
    assert "\n" not in str(result.exception)
    return result.exception


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "pairs.jsonl", make_team(pulls=20))
    return tmp_path / "pairs.jsonl"


def test_train_then_promote_then_show(run: Run, base: BaseModel, pairs: Path) -> None:
    trained = run("train", "--pairs", pairs, "--base", base.folder)
    assert trained.exit_code == 0, trained.output
    assert "parameters train" in trained.stderr and "parameters train" not in trained.stdout
    digest = trained.stdout.split("promote it: postil adapters promote ")[1].split()[0]
    listed = run("adapters", "list", "--repo", "o/r")
    assert listed.stdout.startswith(f"  {digest}")
    said = str(refused(run("adapters", "promote", digest[:5], "--repo", "o/r")))
    assert "may not speak: it was not measured" in said
    both = run("adapters", "promote", digest, "--repo", "o/r", "--shadow", "--force")
    assert "one of them" in str(refused(both))
    watched = run("adapters", "promote", digest[:5], "--repo", "o/r", "--shadow")
    assert watched.exit_code == 0 and "in shadow" in watched.stdout
    assert run("adapters", "list", "--repo", "o/r").stdout.startswith(f"* {digest}")
    card = json.loads(run("adapters", "show", "--repo", "o/r").stdout)
    assert card["mode"] == "qlora" and card["pairs"] == 40
    back = run("adapters", "rollback", "--repo", "o/r")
    assert "no earlier adapter" in str(refused(back))


def test_a_dry_run_says_the_plan_and_writes_nothing(
    run: Run, base: BaseModel, pairs: Path, tmp_path: Path
) -> None:
    said = run("train", "--pairs", pairs, "--base", base.folder, "--dry-run")
    assert said.exit_code == 0, said.output
    assert "40 pairs" in said.stdout and "held out" in said.stdout
    assert "recommended: postil train --mode retrieval" in said.stderr
    assert not (tmp_path / "home" / "adapters").exists()


def test_a_dry_run_counts_the_copies_that_need_no_engine(
    run: Run, base: BaseModel, pairs: Path, tmp_path: Path
) -> None:
    (tmp_path / "postil.toml").write_text("[augment]\njitter = 1\nparaphrase = 1\n")
    said = run("train", "--pairs", pairs, "--base", base.folder, "--dry-run")
    assert said.exit_code == 0, said.output
    assert "of them copies" in said.stdout and "copies in other words come on top" in said.stdout


def test_pairs_from_elsewhere_need_only_two_texts(
    run: Run, base: BaseModel, tmp_path: Path
) -> None:
    rows = [{"instruction": f"Say {n}.", "response": str(n), "note": "x"} for n in range(30)]
    file = tmp_path / "sums.jsonl"
    file.write_bytes(msgspec.json.Encoder().encode_lines(rows))
    trained = run("train", "--pairs", file, "--base", base.folder, "--repo", "sums")
    assert trained.exit_code == 0, trained.output
    assert f"{file}: 30 rows became 30 pairs (" in trained.stderr
    assert run("adapters", "list", "--repo", "sums").stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            '{"instruction": "Say it."}',
            "its fields are 'instruction'; one of these is needed: instr",
        ),
        ('{"response": "It."}', "its fields are 'response'; one of these is needed: instruction+"),
        ('{"instruction": 3, "response": "It."}', "the field 'instruction' is no text"),
        ('{"instruction": "Say', "not a pair"),
        ("[1, 2]", "not a pair"),
    ],
)
def test_a_bad_line_of_pairs_is_named(run: Run, tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"instruction": "a", "response": "b"}\n' + line + "\n")
    error = refused(run("train", "--pairs", file))
    assert f"{file}:2: " in str(error) and said in str(error)


def test_an_unknown_base_is_one_line(run: Run, pairs: Path) -> None:
    assert "unknown base model 'gpt-17'" in str(
        refused(run("train", "--pairs", pairs, "--base", "gpt-17"))
    )


def test_no_pairs_anywhere_says_what_to_do(run: Run) -> None:
    assert "say which pairs" in str(refused(run("train")))
    assert "run `postil dataset build --repo o/r`" in str(refused(run("train", "--repo", "o/r")))


def test_an_impossible_setting_is_one_line(run: Run, pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "postil.toml").write_text("[train]\nrank = 0\n")
    assert "rank must be at least 1" in str(refused(run("train", "--pairs", pairs)))
    (tmp_path / "postil.toml").unlink()
    assert "epochs > 0" in str(refused(run("train", "--pairs", pairs, "--epochs", "-1")))


def test_pruning_says_what_went_and_how_much(run: Run, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "home")
    folders = [publish(registry, value) for value in (1, 2, 3)]
    registry.promote("o/r", folders[0], FORCED)
    for at, folder in enumerate(folders):
        os.utime(folder / CARD, (at, at))
    said = run("adapters", "prune", "--keep", 1, "--repo", "o/r", "--dry-run").stdout
    assert said.startswith(f"would remove {folders[1].name}  0.0 MB\n")
    assert (
        "o/r: removed 1 adapters, 0.0 MB"
        in run("adapters", "prune", "--keep", 1, "--repo", "o/r").stdout
    )
    assert [folder.exists() for folder in folders] == [True, False, True]
    assert run("adapters", "prune", "--keep", 0, "--repo", "o/r").exit_code == 2


def test_an_evaluation_is_kept_with_a_report_that_can_be_made_again(
    run: Run, base: BaseModel, pairs: Path, tmp_path: Path
) -> None:
    assert run("train", "--pairs", pairs, "--base", base.folder).exit_code == 0
    (folder,) = Registry(tmp_path / "home").list("o/r")
    unread = run("adapters", "show", "--repo", "o/r", "--html", tmp_path / "early.html")
    assert "not evaluated yet: run `postil evaluate" in str(refused(unread))
    few = ("--most", 8, "--written", 2)
    done = run("evaluate", "--pairs", pairs, *few, "--html", tmp_path / "report.html")
    assert done.exit_code == 0, done.output
    kept = tmp_path / "home" / "evaluations" / "o/r" / folder.name
    assert f"report: {kept / 'report.html'}" in done.stdout
    page = (kept / "report.html").read_text()
    assert page == (tmp_path / "report.html").read_text()
    assert f"Postil adapter {folder.name}" in page and "The worst mistakes" in page
    again = run("adapters", "show", "--repo", "o/r", "--html", tmp_path / "again.html")
    assert again.exit_code == 0 and (tmp_path / "again.html").read_text() == page
