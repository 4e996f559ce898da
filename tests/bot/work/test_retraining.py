"""Retraining by the clock: once when it is due, however long nobody looked."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.work.retraining import Retrainer
from finetune.retraining.ledger import Ledger, Tried
from mining.commands import store_url
from tests.bot.server_process import wait_for
from tests.finetune.retraining.small_team import REPO, SmallTeam

DAY_S = 86400.0
STUB = (sys.executable, "-P", "-c")
NOTES = """
import json, os, pathlib, sys
home = pathlib.Path(os.environ["POSTIL_HOME"])
with (home / "begun").open("a") as out:
    told = {"words": sys.argv[1:], "secrets": sorted(k for k in os.environ if "SECRET" in k)}
    told |= {"session": os.getsid(0) == os.getpid()}
    out.write(json.dumps(told) + "\\n")
"""
HANGS = "import time; time.sleep(600)"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    team = SmallTeam(tmp_path_factory.mktemp("team"))
    team.grow(16)
    return team.mine_into(tmp_path_factory.mktemp("home"))


def begun(home: Path) -> list[dict[str, object]]:
    file = home / "begun"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


STARTED: list[Retrainer] = []


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    yield
    while STARTED:
        STARTED.pop().stop()


def retrainer(home: Path, clock: Clock, code: str = NOTES, only: str = "") -> Retrainer:
    environment = {**os.environ, "POSTIL_WEBHOOK_SECRET": "s", "GITHUB_TOKEN": "t"}
    made = Retrainer(
        *(home, store_url(home), DAY_S, only, environment, ("--config", "a.toml")),
        command=(*STUB, code),
        now=clock,
    )
    STARTED.append(made)
    return made


@pytest.fixture
def home(mined: Path, tmp_path: Path) -> Path:
    (tmp_path / "store.db").write_bytes((mined / "store.db").read_bytes())
    return tmp_path


def test_it_is_begun_apart_and_without_the_doors_secrets(home: Path) -> None:
    one = retrainer(home, Clock())
    assert one.tick() == REPO
    wait_for(lambda: bool(begun(home)))
    (told,) = begun(home)
    words = ["retrain", "--gently", "--config", "a.toml", "--repo", REPO]
    assert told == {"words": words, "secrets": [], "session": True}


def test_what_was_missed_while_the_server_was_down_is_made_up_for_once(home: Path) -> None:
    clock, ledger = Clock(), Ledger(home, REPO)
    ledger.note_try(Tried(at=clock.now - timedelta(days=30), failed=False))
    one = retrainer(home, clock)
    assert one.tick() == REPO
    ledger.note_try(Tried(at=clock.now, failed=False))
    wait_for(lambda: bool(begun(home)))
    time.sleep(0.3)
    for _ in range(3):
        clock.now += timedelta(hours=7)
        assert one.tick() == ""
    clock.now += timedelta(days=1)
    assert one.tick() == REPO


def test_a_clock_that_jumps_makes_one_run_and_one_set_back_none(home: Path) -> None:
    clock, ledger = Clock(), Ledger(home, REPO)
    ledger.note_try(Tried(at=clock.now, failed=False))
    clock.now += timedelta(days=3650)
    one = retrainer(home, clock)
    assert one.tick() == REPO
    ledger.note_try(Tried(at=clock.now, failed=False))
    wait_for(lambda: bool(begun(home)))
    time.sleep(0.3)
    assert one.tick() == ""
    clock.now -= timedelta(days=3650)
    assert one.tick() == ""
    tried = ledger.tried()
    assert tried is not None and tried.at == clock.now, "it counts from now"
    clock.now += timedelta(days=1)
    assert one.tick() == REPO


def test_one_runs_at_a_time_and_ends_with_the_server(home: Path) -> None:
    clock = Clock()
    one = retrainer(home, clock, HANGS)
    assert one.tick() == REPO
    clock.now += timedelta(days=9)
    assert one.tick() == ""
    child = one._child
    assert child is not None
    one.stop()
    assert child.poll() == -signal.SIGTERM


def test_another_repository_than_that_of_the_settings_is_left_alone(home: Path) -> None:
    assert retrainer(home, Clock(), only="team/other").tick() == ""


@pytest.mark.slow
def test_the_command_itself_is_run_once_and_then_waits(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "postil.toml"
    config.write_text('[mining]\nshares = [0.45, 0.1, 0.2, 0.25]\n[train]\nmode = "retrieval"\n')
    clock, ledger = Clock(), Ledger(home, REPO)
    options = ("--config", str(config))
    one = Retrainer(home, store_url(home), DAY_S, "", os.environ, options, now=clock)
    assert one.tick() == REPO
    wait_for(lambda: bool(ledger.past()), 120)
    (past,) = ledger.past()
    assert past.outcome == "shadow"
    wait_for(lambda: one.tick() == "" and one._child is None, 30)
    again = Retrainer(home, store_url(home), DAY_S, "", os.environ, options, now=clock)
    assert again.tick() == "", "a server that starts anew knows it"
