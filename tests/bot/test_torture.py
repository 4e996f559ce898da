"""Kills at random instants: what was acknowledged is reviewed once, whatever happened.

Run by `make torture`; POSTIL_KILLS sets how many (30 by default). Every kill takes one of: the
whole server, the process that is web and worker, or the model's. What came of it is one line in
benchmarks/torture.jsonl.
"""

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import requests

from bot.door.inbox import Inbox
from tests.bot.fake_pulls import HEAD, small_pull
from tests.bot.history import check
from tests.bot.server_process import ROOT, StubProcess, wait_for
from tests.github_fake import FakeGitHub, Served

LEDGER = ROOT / "benchmarks" / "torture.jsonl"
VICTIMS = ("server", "web and worker", "model")
SETTLED = {"posted", "dead"}
END_S = 900
"""A model that was killed costs a try, and the waits between three tries are 20 s and 60 s."""
OWNERS = 40
"""Accounts that the pull requests are spread over: one has at most 40 writes a minute."""


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def model_of(web: int) -> int | None:
    """The model's process of a web process; any of its threads may have started it."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{web}/task").iterdir():
            for word in (task / "children").read_text().split():
                if b"bot.model.child" in Path(f"/proc/{word}/cmdline").read_bytes():
                    return int(word)
    return None


def kill(server: StubProcess, victim: str) -> bool:
    """Whether there was such a process to be killed."""
    if victim == "server":
        server.kill()
        return True
    for web in children(server.pid):
        target = web if victim == "web and worker" else model_of(web)
        if target is not None:
            with suppress(ProcessLookupError):
                os.kill(target, signal.SIGKILL)
                return True
    return False


def repo_of(number: int) -> str:
    """Where a pull request is."""
    return f"team-{number % OWNERS}/shop"


def deliver(server: StubProcess, number: int) -> bool:
    """Whether a delivery was acknowledged."""
    try:
        return server.deliver(f"kill-{number}", number, repo=repo_of(number)) == 202
    except requests.RequestException:
        return False


@pytest.mark.torture
def test_every_acknowledged_delivery_ends_in_one_review(
    fake: FakeGitHub, served: Served, tmp_path: Path
) -> None:
    chance = random.Random(seed := int(os.environ.get("POSTIL_SEED", "7")))
    kills = int(os.environ.get("POSTIL_KILLS", "30"))
    server = StubProcess(tmp_path / "home", served.url)
    (server.home / "child").touch()
    acknowledged: list[int] = []
    killed: Counter[str] = Counter()
    number = 100
    began = time.monotonic()
    while killed.total() < kills:
        if not server.running:
            server.start()
        for _ in range(chance.randrange(2)):
            fake.add(repo_of(number), small_pull(number, HEAD, repo=repo_of(number)))
            if deliver(server, number):
                acknowledged.append(number)
            number += 1
        time.sleep(chance.uniform(0, 1.5))
        victim = chance.choice(VICTIMS)
        killed[victim] += kill(server, victim)
    if not server.running:
        server.start()
    inbox = Inbox(f"sqlite:///{server.home / 'inbox.db'}")
    try:
        wait_for(lambda: set(inbox.count()) <= SETTLED, END_S)
        states = {pull: inbox.job(f"kill-{pull}").state for pull in acknowledged}
    finally:
        inbox.close()
        server.kill()
    verdict = check(acknowledged, states, {n: fake.ours(repo_of(n), n) for n in range(100, number)})
    line = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "what": "postil serve with a stub model, kill -9",
        "seed": seed,
        "kills": killed.total(),
        "killed": dict(killed),
        "acknowledged": verdict.acknowledged,
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "given_up_in_the_open": verdict.given_up,
        "seconds": round(time.monotonic() - began),
    }
    with LEDGER.open("ab") as ledger:
        ledger.write(msgspec.json.encode(line) + b"\n")
    assert acknowledged
    assert (verdict.lost, verdict.doubled) == ((), ())
