"""The folder of a run, and the commands that go on in it."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from finetune.base_model import BaseModel
from finetune.training.loop import Step
from finetune.training.measured import METRICS, read_metrics
from finetune.training.runs import CURVES, EVENTS, fingerprint, open_run
from postil.errors import ConfigError, TrainingError
from postil.records import write_jsonl
from postil.settings import TrainSettings
from tests.finetune.builders import make_team

POSTIL = (sys.executable, "-c", "from postil.cli import main; main()")
TOML = "[train]\nbatch = 4\nepochs = 3\nmax_length = 512\nrank = 4\nsave_minutes = 0\n"


def step(number: int, held_out: float | None = None) -> Step:
    return Step(
        step=number,
        steps=9,
        loss=3.0 / number,
        held_out=held_out,
        rate=1e-3,
        norm=1.0,
        tokens=100 * number,
        seconds=0.1 * number,
    )


def test_a_run_keeps_its_steps_and_draws_them(tmp_path: Path) -> None:
    with open_run(tmp_path / "run") as run:
        for number in range(1, 5):
            run.write(step(number, 2.0 if number == 4 else None))
        run.copy_metrics(tmp_path / "copy.jsonl")
    rows = read_metrics(tmp_path / "run" / METRICS)
    assert [row["step"] for row in rows] == [1, 2, 3, 4] and rows[3]["held_out"] == 2.0
    assert "seconds" in rows[0] and "seconds" not in read_metrics(tmp_path / "copy.jsonl")[0]
    drawn = (tmp_path / "run" / CURVES).read_text()
    assert drawn.startswith("<?xml") and "held out" in drawn and "best 2.000 at step 4" in drawn


def test_what_was_measured_behind_the_last_checkpoint_is_forgotten(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        for number in range(1, 5):
            run.write(step(number))
        with (tmp_path / METRICS).open("a") as file:
            file.write('{"step": 5, "lo')  # a kill in the middle of a line
        run.go_on_after(2)
        run.write(step(3))
    assert [row["step"] for row in read_metrics(tmp_path / METRICS)] == [1, 2, 3]


def test_the_same_run_twice_at_once_is_refused(tmp_path: Path) -> None:
    with open_run(tmp_path), pytest.raises(TrainingError, match="going on already"):
        open_run(tmp_path).__enter__()


def test_tensorboard_gets_the_steps_or_says_what_is_missing(tmp_path: Path) -> None:
    if importlib.util.find_spec("tensorboard") is None:
        with pytest.raises(ConfigError, match="pip install tensorboard"):
            open_run(tmp_path, events=True).__enter__()
        return
    with open_run(tmp_path, events=True) as run:
        run.write(step(1, 2.0))
    assert list((tmp_path / EVENTS).glob("events.out.*"))


def test_what_decides_a_run_is_in_its_fingerprint_and_nothing_else() -> None:
    settings = TrainSettings()
    same = msgspec.structs.replace(settings, save_minutes=1.0, tensorboard=True)
    other = msgspec.structs.replace(settings, rank=8)
    assert fingerprint(settings, "data") == fingerprint(same, "data")
    assert len({fingerprint(settings, "data"), fingerprint(other, "data"), fingerprint(same)}) == 3


@pytest.fixture
def job(base: BaseModel, tmp_path: Path) -> dict[str, Any]:
    """`postil train` in a folder of its own, as a person starts it."""
    write_jsonl(tmp_path / "pairs.jsonl", make_team(pulls=20))
    (tmp_path / "postil.toml").write_text(TOML)
    environment = {**os.environ, "POSTIL_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    words = ("train", "--pairs", "pairs.jsonl", "--base", str(base.folder))
    return {"args": (*POSTIL, *words), "cwd": tmp_path, "env": environment}


def finished(job: dict[str, Any], **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(**(job | more), capture_output=True, text=True, timeout=300)


def interrupt_after(job: dict[str, Any], steps: int, number: int) -> subprocess.Popen[str]:
    """Start, wait until so many steps are written, send a signal, wait for the end."""
    process = subprocess.Popen(**job, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        metrics = list((job["cwd"] / "home" / "runs").glob(f"*/*/*/{METRICS}"))
        if metrics and len(read_metrics(metrics[0])) >= steps:
            break
        time.sleep(0.02)
    process.send_signal(number)
    process.wait(60)
    return process


@pytest.mark.slow
def test_killed_and_interrupted_runs_go_on_and_end_as_an_undisturbed_one(
    job: dict[str, Any], tmp_path: Path
) -> None:
    with interrupt_after(job, 4, signal.SIGKILL) as killed:
        assert killed.returncode == -signal.SIGKILL
    with interrupt_after(job, 12, signal.SIGINT) as stopped:
        assert stopped.returncode == 130 and stopped.stderr is not None
        told = stopped.stderr.read()
        assert "goes on after step" in told and "run the same command again to go on" in told
    last = finished(job)
    assert last.returncode == 0, last.stderr
    assert "goes on after step" in last.stderr
    whole = finished(job | {"env": job["env"] | {"POSTIL_HOME": str(tmp_path / "other")}})
    assert whole.returncode == 0, whole.stderr
    ends = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(path)]
        for home in ("home", "other")
        for path in (tmp_path / home / "runs").glob(f"**/{METRICS}")
    ]
    assert len(ends) == 2 and ends[0] == ends[1]
    digests = [json.loads(p.read_text())["files"] for p in tmp_path.glob("*/adapters/**/card.json")]
    assert digests[0] == digests[1]
    assert not list(tmp_path.glob("home/runs/**/checkpoints"))
