"""Kills at random instants: what was acknowledged is reviewed once, whatever happened.

Run by `make torture`; POSTIL_KILLS sets how many (20 by default, about 4 s each).
"""

import os
import random
import time
from pathlib import Path

import pytest
import requests

from tests.bot.fake_pulls import HEAD, REPO, small_pull
from tests.bot.server_process import StubProcess, wait_for
from tests.github_fake import FakeGitHub, Served


@pytest.mark.torture
def test_every_acknowledged_delivery_ends_in_one_review(
    fake: FakeGitHub, served: Served, tmp_path: Path
) -> None:
    chance = random.Random(int(os.environ.get("POSTIL_SEED", "7")))
    server = StubProcess(tmp_path / "home", served.url)
    acknowledged: list[int] = []
    for number in range(100, 100 + int(os.environ.get("POSTIL_KILLS", "20"))):
        fake.add(REPO, small_pull(number, HEAD))
        server.start()
        try:
            if server.deliver(f"kill-{number}", number) == 202:
                acknowledged.append(number)
            time.sleep(chance.uniform(0, 3))
        except requests.ConnectionError:
            pass
        server.kill()
    server.start()
    try:
        wait_for(lambda: all(server.state(f"kill-{n}") == "posted" for n in acknowledged), 120)
    finally:
        server.kill()
    reviews = [len(fake.ours(REPO, number)) for number in acknowledged]
    assert acknowledged
    assert reviews == [1] * len(acknowledged)
