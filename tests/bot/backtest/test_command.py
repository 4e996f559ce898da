"""`postil backtest` as it is installed, with a tiny real base and adapter in the bot's child."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from bot.backtest.command import token_counter
from finetune.adapters import Registry
from finetune.cards import load_card
from finetune.retrieval import make_retrieval
from postil.records import write_jsonl
from postil.settings import Settings
from tests.bot.backtest.builders import BAD, FINE, pair
from tests.bot.tiny_home import POSTIL, REPO, TinyHome
from tests.finetune.builders import day, make_team


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Ten pull requests, decided after the one remark that the tiny adapter knows."""
    rows = []
    for number in range(1, 11):
        more: dict[str, Any] = {"repo": REPO, "decided_at": day(200 + number)}
        said = "Log it, please." if number % 2 else ""
        rows += [
            pair(number, "shop/cart.py", *BAD, said=said, **more),
            pair(number, "shop/b.py", *FINE, **more),
        ]
    write_jsonl(tmp_path / "pairs.jsonl", rows)
    return tmp_path / "pairs.jsonl"


def kept(home: TinyHome) -> Path:
    return home.home / "evaluations" / REPO / home.quoting.name


@pytest.mark.slow
def test_a_backtest_says_what_would_have_been_and_keeps_a_page(
    tiny_home: TinyHome, pairs: Path, tmp_path: Path
) -> None:
    options = ("backtest", "--last", "4", "--pairs", str(pairs), "--json", "found.json")
    done = tiny_home.run(*options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 pull requests, 8 windows, 2 with an accepted remark")
    page = kept(tiny_home) / "backtest.html"
    assert f"page: {page}" in done.stdout and "Backtest of team/shop" in page.read_text()
    found = json.loads((tmp_path / "found.json").read_bytes())
    assert (found["schema"], found["adapter"]) == (1, tiny_home.quoting.name)
    assert [pull["number"] for pull in found["pulls"]] == [7, 8, 9, 10]
    assert found["totals"]["tokens"]["read"] > 1000
    assert not found["same_pairs"] and not found["merged_known"]
    again = tiny_home.run(*options, "--html", "site", cwd=tmp_path)
    assert "4 of 4 pull requests were replayed before" in again.stderr
    assert json.loads((tmp_path / "found.json").read_bytes()) == found
    assert (tmp_path / "site" / "backtest.html").read_text() == page.read_text()


@pytest.mark.slow
def test_a_backtest_that_is_interrupted_goes_on(
    memory_home: TinyHome, pairs: Path, tmp_path: Path
) -> None:
    (tmp_path / "postil.toml").write_text("[review]\nmax_comments = 2\n")
    command = [str(POSTIL), "backtest", "--last", "10", "--pairs", str(pairs)]
    environment = {"PATH": os.environ["PATH"], "POSTIL_HOME": str(memory_home.home)}
    before = set(kept(memory_home).glob("backtest-*.jsonl"))
    run = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
    while not (logs := set(kept(memory_home).glob("backtest-*.jsonl")) - before):
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    (log,) = logs
    count = log.read_bytes().count(b"\n")
    if run.returncode == 130:
        assert b"interrupted" in said and 0 <= count < 10
    done = memory_home.run(*command[1:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not count or f"{count} of 10 pull requests were replayed before" in done.stderr
    assert log.read_bytes().count(b"\n") == 10


def test_the_past_is_not_foretold(memory_home: TinyHome, tmp_path: Path) -> None:
    early = pair(1, "shop/cart.py", *BAD, repo=REPO, decided_at=day(3))
    write_jsonl(tmp_path / "early.jsonl", [early])
    done = memory_home.run("backtest", "--pairs", "early.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and "it knows what came after" in done.stderr


def test_an_adapter_without_weights_reads_no_tokens(tmp_path: Path) -> None:
    folder = make_retrieval(make_team(20), Settings(), Registry(tmp_path), REPO).folder
    assert token_counter(load_card(folder), tmp_path)(["some", "texts"]) == 0
