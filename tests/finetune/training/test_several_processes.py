"""Two real processes on a CPU, launched as the documentation says."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finetune.adapters import Registry
from finetune.base_model import BaseModel
from finetune.cards import load_card
from finetune.engines.local import LocalEngine
from finetune.training.checkpoints import STATE
from finetune.training.held_out import held_out_loss
from finetune.training.samples import make_samples
from postil.records import AdapterCard, write_jsonl
from tests.finetune.builders import make_team

BIN = Path(sys.executable).parent
EXAMPLES = Path(__file__).parents[3] / "examples" / "accelerate"
SHARDED, PARALLEL = EXAMPLES / "fsdp-qlora.yaml", EXAMPLES / "data-parallel.yaml"
SETTINGS = {"batch": 8, "epochs": 1.0, "max_length": 512, "rank": 4, "learning_rate": 3e-3}
NEAR = 1e-2
LIMIT_S = 300


class Bench:
    """A folder with pairs and settings, where `postil train` runs in one process or in two."""

    def __init__(self, folder: Path, base: BaseModel, **more: Any) -> None:
        self.folder, self.base = folder, base
        folder.mkdir(exist_ok=True)
        self.pairs = make_team(pulls=20)
        write_jsonl(folder / "pairs.jsonl", self.pairs)
        values = {**SETTINGS, "dropout": 0.0, **more}
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        (folder / "postil.toml").write_text(f"[train]\n{lines}")

    def start(self, config: Path | None, home: str, *words: str) -> subprocess.Popen[str]:
        command = [str(BIN / "postil"), "train", "--pairs", "pairs.jsonl"]
        if config:
            command = [str(BIN / "accelerate"), "launch", "--config_file", str(config), *command]
        return subprocess.Popen(
            [*command, "--base", str(self.base.folder), "--home", home, *words],
            cwd=self.folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, config: Path | None, home: str, *words: str) -> tuple[int, str, str]:
        with self.start(config, home, *words) as process:
            out, err = process.communicate(timeout=LIMIT_S)
        return process.returncode, out, err

    def card(self, home: str) -> AdapterCard:
        return load_card(self.adapter(home))

    def adapter(self, home: str) -> Path:
        """The only one published there."""
        (only,) = Registry(self.folder / home).list("o/r")
        return only


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("qlora", SHARDED), id="fsdp", marks=pytest.mark.slow),
        pytest.param(("lora", PARALLEL), id="dp", marks=pytest.mark.slow),
    ],
)
def both(
    request: pytest.FixtureRequest, base: BaseModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Bench, str]]:
    """A bench where one process and two have trained alike, and what the two said."""
    mode, config = request.param
    bench = Bench(tmp_path_factory.mktemp("bench"), base, mode=mode, dtype="bfloat16")
    alone = bench.run(None, "alone")
    assert alone[0] == 0, alone[2]
    code, out, err = bench.run(config, "two")
    assert code == 0, err
    yield bench, out + err


def test_two_processes_learn_what_one_learns(both: tuple[Bench, str]) -> None:
    bench, _ = both
    alone, two = (bench.card(home).metrics for home in ("alone", "two"))
    assert two["steps"] == alone["steps"] == 5
    assert two["held_out_loss_base"] == pytest.approx(alone["held_out_loss_base"], rel=NEAR)
    assert two["held_out_loss"] == pytest.approx(alone["held_out_loss"], rel=NEAR)
    assert two["held_out_loss"] < two["held_out_loss_base"]
    losses = [[row["loss"] for row in steps(bench.folder / home)] for home in ("alone", "two")]
    assert losses[1] == pytest.approx(losses[0], rel=NEAR)


def test_one_process_speaks_and_publishes(both: tuple[Bench, str]) -> None:
    bench, said = both
    assert said.count("parameters train") == said.count("promote it: ") == 1
    assert said.count("training 5/5") == 1
    assert not list((bench.folder / "two" / "runs").rglob("step-*"))


def test_the_weights_of_two_processes_load_with_the_loss_they_had(both: tuple[Bench, str]) -> None:
    bench, _ = both
    card = bench.card("two")
    precision: Any = card.scoring["precision"]
    engine = LocalEngine(bench.base, bench.adapter("two"), precision=precision, max_length=512)
    held_out = [pair for pair in bench.pairs if pair.split == "validation"]
    again = held_out_loss(engine.model, make_samples(engine.chat, held_out, 512).samples)
    assert again == pytest.approx(card.metrics["held_out_loss"], rel=1e-3)


def test_processes_end_without_closing_the_interpreter_down() -> None:
    """Beside gloo's threads that aborts, now and then: here every second time, on 2 cores."""
    torchrun = [str(BIN / "torchrun"), "--standalone", "--nproc-per-node", "2"]
    left = subprocess.run(
        [*torchrun, "-m", "tests.finetune.training.leaving"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert left.returncode == 0, left.stderr
    assert left.stdout.split("\n") == ["goes on alone", ""]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
        pytest.param(signal.SIGINT, marks=pytest.mark.long),
    ],
)
def test_two_processes_go_on_from_a_checkpoint(
    base: BaseModel, tmp_path: Path, number: signal.Signals
) -> None:
    bench = Bench(tmp_path, base, epochs=8.0, dropout=0.1, save_minutes=0.0, patience=99)
    whole = bench.run(SHARDED, "whole")
    assert whole[0] == 0, whole[2]
    with bench.start(SHARDED, "cut") as process:
        wait_for_checkpoint(tmp_path / "cut")
        if number == signal.SIGKILL:
            for child in children(process.pid):
                os.kill(child, number)
        else:
            process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode != 0
    told = [line for line in err.split("\n") if line.startswith("postil: ")]
    if number != signal.SIGKILL:
        assert len(told) == 1 and "which is saved" in told[0], err
    assert not list(Registry(tmp_path / "cut").list("o/r"))
    code, _, err = bench.run(SHARDED, "cut")
    assert code == 0 and "goes on after step" in err, err
    ends = [bench.card(home).metrics for home in ("whole", "cut")]
    for name in ("steps", "held_out_loss", "held_out_loss_base"):
        assert ends[1][name] == pytest.approx(ends[0][name], rel=1e-6)


@pytest.mark.long
@pytest.mark.parametrize(
    ("more", "words", "said"),
    [
        ({"batch": 1}, (), "train.batch = 1 leaves some of 2 processes without a sample"),
        ({"mode": "full"}, (), "train.mode = full cannot be sharded"),
        ({}, ("--pairs", "none.jsonl"), "none.jsonl"),
    ],
)
def test_a_fault_of_all_is_one_line(
    base: BaseModel, tmp_path: Path, more: dict[str, Any], words: tuple[str, ...], said: str
) -> None:
    code, _, err = Bench(tmp_path, base, **more).run(SHARDED, "home", *words)
    told = [line for line in err.split("\n") if line.startswith("postil: ")]
    assert code != 0 and len(told) == 1 and said in told[0], err
    assert "finetune/" not in err


def steps(home: Path) -> list[dict[str, Any]]:
    (file,) = home.glob("runs/o/r/*/metrics.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def wait_for_checkpoint(folder: Path) -> None:
    """A whole one. os.walk, as Path.rglob fails where a folder is renamed while it looks."""
    end = time.monotonic() + LIMIT_S
    while not any(STATE in files and Path(at).match("step-*") for at, _, files in os.walk(folder)):
        assert time.monotonic() < end, f"no checkpoint in {folder}"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """Processes that `pid` started (proc(5))."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]
