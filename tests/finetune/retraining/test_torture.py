"""Kills at random instants of `postil retrain`: every one goes on, and promotes once at most.

Run by `make torture`; POSTIL_KILLS sets how many (30 by default, about 15 CPU-seconds each). A
reader polls the current adapter all the while and loads its card, which verifies every file.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from finetune.adapters import Registry, load_card
from finetune.base_model import BaseModel
from finetune.processor import SPINS
from finetune.retraining.ledger import Ledger
from postil.errors import AdapterError
from tests.finetune.retraining.small_team import REPO, SmallTeam

KILLS = int(os.environ.get("POSTIL_KILLS", "30"))
LEDGER = Path(__file__).parents[3] / "benchmarks" / "torture.jsonl"
POSTIL = (sys.executable, "-c", "from postil.cli import main; main()")
PATIENCE_S = 600
TOML = """
[mining]
shares = [0.45, 0.1, 0.2, 0.25]
[train]
base = "{base}"
mode = "lora"
epochs = {epochs}
batch = 8
rank = 2
max_length = 512
save_minutes = 0
[review]
max_tokens = 4
[retrain]
min_new = 1
"""


class Reader:
    """Polls what is promoted; counts what it saw, and what was not whole."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._over = threading.Event()
        self.reads, self.mixed = 0, list[str]()
        self.changes = list[str]()
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._over.wait(0.1):
            try:
                folder = self._registry.current(REPO)
                if folder is None:
                    continue
                load_card(folder)
            except AdapterError as error:
                self.mixed.append(str(error))
                continue
            self.reads += 1
            if self.changes[-1:] != [folder.name]:
                self.changes.append(folder.name)


@pytest.mark.torture
def test_every_killed_retraining_goes_on_and_promotes_once(base: BaseModel, tmp_path: Path) -> None:
    team, draw = SmallTeam(tmp_path), random.Random(int(os.environ.get("POSTIL_SEED", "5")))
    team.grow(10)
    home = team.mine_into(tmp_path / "home")
    registry, ledger = Registry(home), Ledger(home, REPO)
    reader = Reader(registry)

    def start(turn: int) -> subprocess.Popen[str]:
        toml = TOML.format(base=base.folder, epochs=0.05 + turn / 1000)
        (tmp_path / "postil.toml").write_text(toml)
        own = {"POSTIL_HOME": str(home), "OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": SPINS}
        return subprocess.Popen(
            (*POSTIL, "retrain", "--repo", REPO),
            cwd=tmp_path,
            env={**os.environ, **own},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    began = time.monotonic()
    with start(0) as calm:
        _, told = calm.communicate(timeout=PATIENCE_S)
        assert calm.returncode == 0, told
    whole_s = time.monotonic() - began
    kills, went_on, turn = 0, 0, 0
    try:
        while kills < KILLS:
            turn += 1
            while True:
                began_s = time.monotonic()
                with start(turn) as process:
                    try:
                        _, told = process.communicate(timeout=draw.uniform(0.05, 0.9) * whole_s)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        _, told = process.communicate()
                        kills += 1
                went_on += "goes on with the run" in told
                if process.returncode == 0:
                    whole_s = min(whole_s, max(5.0, time.monotonic() - began_s))
                    break
                assert process.returncode < 0, told
            assert len(ledger.past()) == turn + 1, "every run ends once"
            assert ledger.run() is None
            assert registry.current(REPO) == registry.folder(REPO) / ledger.past()[-1].candidate
    finally:
        reader.stop()
    made = [past.candidate for past in ledger.past()]
    line = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "what": "postil retrain on a tiny base, kill -9",
        "kills": kills,
        "runs": turn,
        "went_on_from_a_record": went_on,
        "reads_beside": reader.reads,
        "mixed": len(reader.mixed),
        "promoted_twice": len(reader.changes) - len(set(reader.changes)),
        "seconds": round(time.monotonic() - began),
    }
    with LEDGER.open("a", encoding="utf-8") as out:
        out.write(json.dumps(line) + "\n")
    assert reader.mixed == []
    assert reader.changes == [name for at, name in enumerate(made) if made[at - 1 : at] != [name]]
