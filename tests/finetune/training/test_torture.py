"""Kills at random instants of a training: every one goes on, and all end with the same weights.

Run by `make torture`; POSTIL_KILLS sets how many (20 by default, about 10 s each).
"""

import json
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from finetune.base_model import BaseModel
from finetune.processor import SPINS
from postil.records import write_jsonl
from tests.finetune.builders import make_team

KILLS = int(os.environ.get("POSTIL_KILLS", "20"))
LEDGER = Path(__file__).parents[3] / "benchmarks" / "torture.jsonl"
POSTIL = (sys.executable, "-c", "from postil.cli import main; main()")
TOML = "[train]\nbatch = 4\nepochs = 6\nmax_length = 512\nrank = 4\nsave_minutes = 0\n"
PATIENCE_S = 300


def weights(home: Path) -> list[str]:
    """The hashes of the files of the one adapter that was published."""
    cards = list(home.glob("adapters/**/card.json"))
    assert len(cards) == 1, "one training publishes one adapter"
    return sorted(json.loads(cards[0].read_text())["files"].values())


@pytest.mark.torture
def test_every_killed_training_goes_on_and_ends_the_same(base: BaseModel, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "pairs.jsonl", make_team(pulls=30))
    (tmp_path / "postil.toml").write_text(TOML)
    draw = random.Random(11)

    def start(home: Path) -> subprocess.Popen[str]:
        words = ("train", "--pairs", "pairs.jsonl", "--base", str(base.folder))
        own = {"POSTIL_HOME": str(home), "OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": SPINS}
        return subprocess.Popen(
            (*POSTIL, *words),
            cwd=tmp_path,
            env={**os.environ, **own},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )

    started = time.monotonic()
    with start(tmp_path / "calm") as calm:
        _, told = calm.communicate(timeout=PATIENCE_S)
        assert calm.returncode == 0, told
    whole_s = time.monotonic() - started
    expected = weights(tmp_path / "calm")
    kills, resumed, runs = 0, 0, 0
    while kills < KILLS:
        home, runs = tmp_path / f"home{runs}", runs + 1
        while True:
            with start(home) as process:
                try:
                    _, told = process.communicate(timeout=draw.uniform(0.2, 1.0) * whole_s)
                except subprocess.TimeoutExpired:
                    process.kill()
                    _, told = process.communicate()
                    kills += 1
            resumed += "goes on after step" in told
            if process.returncode == 0:
                break
            assert process.returncode < 0, told
        assert weights(home) == expected
    line: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "what": "postil train, kill -9",
        "kills": kills,
        "runs": runs,
        "went_on_from_a_checkpoint": resumed,
        "ended_with_other_weights": 0,
    }
    with LEDGER.open("a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(line) + "\n")
