"""Kills at random instants of publishing, promoting and pruning: no reader sees a damaged adapter.

Run by `make torture`; POSTIL_KILLS sets how many (20 by default, under a second each). What
happened is added to the ledger, benchmarks/torture.jsonl.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from finetune.adapters import Registry
from tests.finetune.publishing import publish_for_ever, publish_once

LEDGER = Path(__file__).parents[2] / "benchmarks/torture.jsonl"
LONGEST_S = 0.6
"""Of life; to publish and promote one adapter takes some hundredths of a second."""

pytestmark = pytest.mark.torture


def killed_after(seconds: float, home: Path, number: int) -> bool:
    """Publish in a child and kill -9 it; False where it had ended by itself."""
    child = os.fork()
    if child == 0:
        try:
            publish_for_ever(home, number)
        finally:
            os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_no_reader_sees_a_mixed_or_damaged_adapter_whenever_a_publisher_is_killed(
    tmp_path: Path,
) -> None:
    kills = int(os.environ.get("POSTIL_KILLS", "20"))
    chance = random.Random(int(os.environ.get("POSTIL_SEED", "7")))
    registry = Registry(tmp_path)
    publish_once(registry, "0")
    command = [sys.executable, "-m", "tests.finetune.publishing", str(tmp_path)]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "reading\n"
    left: set[str] = set()
    for number in range(1, kills + 1):
        assert killed_after(chance.uniform(0, LONGEST_S), tmp_path, number)
        left |= {path.name.split("-")[0] for path in registry.folder("o/r").glob(".*")}
    reader.send_signal(signal.SIGINT)
    said, _ = reader.communicate(timeout=60)
    read = json.loads(said)
    entry = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "what": "publish, promote and prune adapters under a reader, kill -9",
        "kills": kills,
        "kinds_of_leftovers": sorted(left),
        **read,
    }
    with LEDGER.open("a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(entry) + "\n")
    assert read["damaged"] == 0, read
    assert read["adapters_seen"] > kills
    assert registry.current("o/r") is not None
