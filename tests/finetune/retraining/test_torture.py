"""Kills at random instants of `postil retrain`: every one goes on, and promotes once at most.

Run by `make torture`; POSTIL_KILLS sets how many (30 by default, about 10 CPU-seconds each). A
reader polls the current adapter all the while and loads its card, which verifies every file. The
command runs in processes forked from one that has imported everything, so that kills fall into its
work and not into the ten seconds before it.
"""

import json
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from finetune.adapters import Registry
from finetune.base_model import BaseModel
from finetune.cards import load_card
from finetune.processor import SPINS
from finetune.retraining.ledger import Ledger
from postil.cli import main
from postil.errors import AdapterError
from tests.finetune.retraining.small_team import REPO, SmallTeam

KILLS = int(os.environ.get("POSTIL_KILLS", "30"))
LEDGER = Path(__file__).parents[3] / "benchmarks" / "torture.jsonl"
FORKS = multiprocessing.get_context("forkserver")
IMPORTED = ("finetune.retraining.command", "finetune.retraining.run", "finetune.training.train")
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


def retrain(folder: Path) -> None:
    """`postil retrain` as the command does it, in this process; what it says goes to `said`."""
    said = os.open(folder / "said", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.chdir(folder)
    os.environ["POSTIL_HOME"] = str(folder / "home")
    sys.argv = ["postil", "retrain", "--repo", REPO]
    main()


class Retrainings:
    """Runs of the command in one home, one after another."""

    def __init__(self, folder: Path, base: Path) -> None:
        self._folder, self._base = folder, base
        FORKS.set_forkserver_preload([*IMPORTED, __name__])

    def wish(self, turn: int) -> None:
        """Other settings than before, so that there is something to do."""
        toml = TOML.format(base=self._base, epochs=0.05 + turn / 1000)
        (self._folder / "postil.toml").write_text(toml)

    def run(self, for_s: float) -> tuple[int | None, str]:
        """Run it; kill it after that time. How it ended, and what it said."""
        process = FORKS.Process(target=retrain, args=(self._folder,))
        process.start()
        process.join(for_s)
        if process.is_alive():
            process.kill()
            process.join()
        return process.exitcode, (self._folder / "said").read_text(errors="replace")


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the process that the others are forked from."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("GOMP_SPINCOUNT", SPINS)


@pytest.mark.torture
@pytest.mark.usefixtures("one_thread")
def test_every_killed_retraining_goes_on_and_promotes_once(base: BaseModel, tmp_path: Path) -> None:
    team, draw = SmallTeam(tmp_path), random.Random(int(os.environ.get("POSTIL_SEED", "5")))
    team.grow(10)
    home = team.mine_into(tmp_path / "home")
    registry, ledger = Registry(home), Ledger(home, REPO)
    retrainings, began = Retrainings(tmp_path, base.folder), time.monotonic()
    seconds: list[float] = []
    kills, went_on, turn = 0, 0, 0
    reader = Reader(registry)
    try:
        while kills < KILLS:
            retrainings.wish(turn)
            code: int | None = None
            while code != 0:
                calm = len(seconds) < 2  # the first imports what is not imported beforehand
                for_s = PATIENCE_S if calm else draw.uniform(0.02, 0.9) * seconds[1]
                begun = time.monotonic()
                code, told = retrainings.run(for_s)
                seconds.append(time.monotonic() - begun)
                went_on += "goes on with the run" in told
                kills += code == -signal.SIGKILL
                assert code in (0, -signal.SIGKILL), told
            turn += 1
            assert len(ledger.past()) == turn, "every run ends once"
            assert ledger.run() is None
            assert registry.current(REPO) == registry.folder(REPO) / ledger.past()[-1].candidate
    finally:
        reader.stop()
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
    made = [past.candidate for past in ledger.past()]
    assert reader.mixed == []
    assert reader.changes == [name for at, name in enumerate(made) if made[at - 1 : at] != [name]]
