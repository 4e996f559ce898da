"""Kills at random instants of a mine: nothing is lost, nothing that was stored is asked for again.

Run by `make torture`; POSTIL_MINE_KILLS sets how many (200 by default). What happened is added to
the ledger, benchmarks/torture.jsonl.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mining.clients import Access
from mining.intake import Intake, take_in
from mining.sources.github import GitHub, read
from mining.store import open_store
from tests.archive_server import TOKEN
from tests.mining.archive_builder import REPO, comment, pull, record
from tests.postgres import Postgres

LEDGER = Path(__file__).parents[2] / "benchmarks/torture.jsonl"
PULLS = 400
LONGEST_S = 0.35
"""Of life; a whole mine takes about three times as long."""

pytestmark = pytest.mark.torture


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A GitHub of our own in a process of its own."""
    folder = tmp_path_factory.mktemp("pulls")
    for n in range(1, PULLS + 1):
        moved = f"2024-05-{1 + n // 60:02}T08:{n % 60:02}:00Z"
        one = record(
            pull=pull(n, updated_at=moved), comments=[comment(n * 10), comment(n * 10 + 1)]
        )
        (folder / f"{n}.json").write_text(json.dumps(one), encoding="utf-8")
    line = ["-m", "tests.archive_server", "--port", "0", "--data", str(folder), "--repo", REPO]
    process = subprocess.Popen([sys.executable, *line], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def mine(address: str, url: str) -> None:
    """One run, as the command does it."""
    where = f"{address}/{REPO}"
    with open_store(url) as store:
        source = GitHub(where, None, None, Access(github_token=TOKEN))
        take_in(store, source, read, where, None, None, Intake(), lambda: None)


def killed_after(seconds: float, address: str, url: str) -> bool:
    """Mine in a child and kill -9 it; False where it had ended before."""
    child = os.fork()
    if child == 0:
        try:
            mine(address, url)
            os._exit(0)
        except BaseException:
            os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def stored(url: str) -> tuple[dict[str, bytes], str | None]:
    with open_store(url) as store:
        return {p.key: p.body for p in store.payloads()}, store.mark("github", REPO)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_mine_that_is_killed_again_and_again_ends_as_one_that_was_not(
    kind: str, address: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    def new_store() -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / f'{time.monotonic_ns()}.db'}"
        server: Postgres = request.getfixturevalue("postgres_server")
        return server.new_database()

    wanted_kills = int(os.environ.get("POSTIL_MINE_KILLS", "200")) // 2
    chance = random.Random(int(os.environ.get("POSTIL_SEED", "7")))
    whole = new_store()
    mine(address, whole)
    wanted = stored(whole)
    assert len(wanted[0]) == PULLS
    kills = mines = lost = wrong = 0
    while kills < wanted_kills:
        url, before = new_store(), 0
        while killed_after(chance.uniform(0, LONGEST_S), address, url):
            kills += 1
            now = len(stored(url)[0])
            lost += max(before - now, 0)
            before = now
        wrong += stored(url) != wanted
        mines += 1
    entry = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "what": f"mine over GraphQL, kill -9, {kind}",
        "kills": kills,
        "mines": mines,
        "stored_payloads_lost": lost,
        "mines_that_ended_otherwise": wrong,
    }
    with LEDGER.open("a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(entry) + "\n")
    assert (lost, wrong) == (0, 0)
