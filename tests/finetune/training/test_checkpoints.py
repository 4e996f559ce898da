"""A run goes on from its newest whole checkpoint and takes the steps it would have taken."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from finetune.base_model import BaseModel
from finetune.loaded_base import load_tokenizer
from finetune.training.checkpoints import KEPT, STATE, TENSORS, Checkpoints
from finetune.training.interrupts import Interrupts
from finetune.training.loop import Loop, Step
from finetune.training.samples import Chat, Sample, make_sample
from finetune.training.team import Team
from finetune.training.train import load_trainable
from postil.errors import StoppedError
from postil.settings import TrainSettings

SETTINGS = TrainSettings(
    mode="lora", batch=2, epochs=4, learning_rate=5e-3, rank=4, save_minutes=0, dropout=0.1
)


class KilledError(Exception):
    """Stands for a kill: nothing after it runs."""


@pytest.fixture(scope="module")
def samples(base: BaseModel) -> list[Sample]:
    chat = Chat(load_tokenizer(base))
    made = [make_sample(chat, f"Say {n}.\n+{'x' * n} R1", f"R1\nIt is {n}.", 256) for n in range(9)]
    return [sample for sample in made if sample is not None]


def new_loop(base: BaseModel, folder: Path, **more: Any) -> Loop:
    settings = msgspec.structs.replace(SETTINGS, **more)
    model = load_trainable(base, settings, Team())
    return Loop(model, settings, packed=True, checkpoints=Checkpoints(folder))


def taken(loop: Loop, samples: list[Sample], kill_at: int = 0) -> list[Step]:
    told: list[Step] = []

    def report(done: Step) -> None:
        told.append(msgspec.structs.replace(done, seconds=0.0))
        if done.step == kill_at:
            raise KilledError

    with suppress(KilledError):
        loop.run(samples[:6], samples[6:], report)
    return told


@pytest.mark.parametrize("optimizer", ["adamw", "paged_adamw_8bit"])
def test_a_killed_run_ends_as_an_undisturbed_one(
    base: BaseModel, samples: list[Sample], tmp_path: Path, optimizer: str
) -> None:
    whole = new_loop(base, tmp_path / "a", optimizer=optimizer)
    expected = taken(whole, samples)
    taken(new_loop(base, tmp_path / "b", optimizer=optimizer), samples, kill_at=7)
    again = new_loop(base, tmp_path / "b", optimizer=optimizer)
    assert again.resume(Checkpoints(tmp_path / "b"))
    assert again.at.steps == 6  # the seventh was killed before it was saved
    rest = taken(again, samples)
    assert rest == expected[6:]
    assert again.at.best_loss == whole.at.best_loss
    for mine, theirs in zip(again.masters.live, whole.masters.live, strict=True):
        assert torch.equal(mine, theirs)


def test_a_finished_run_takes_no_more_steps(
    base: BaseModel, samples: list[Sample], tmp_path: Path
) -> None:
    first = new_loop(base, tmp_path)
    taken(first, samples)
    again = new_loop(base, tmp_path)
    assert again.resume(Checkpoints(tmp_path))
    assert taken(again, samples) == []
    assert torch.equal(again.masters.live[0], first.masters.live[0])


@pytest.mark.parametrize("damage", ["empty", "no tensors", "cut", "flipped", "no state"])
def test_a_damaged_checkpoint_is_passed_over(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(step, {"values": torch.full((8,), float(step))}, {"steps": step})
    newest = tmp_path / "step-00000002"
    content = bytearray((newest / TENSORS).read_bytes())
    if damage in ("empty", "no tensors"):
        (newest / TENSORS).unlink()
    if damage in ("empty", "no state"):
        (newest / STATE).unlink()
    if damage == "cut":
        (newest / TENSORS).write_bytes(content[:-5])
    if damage == "flipped":
        content[-1] ^= 1
        (newest / TENSORS).write_bytes(content)
    found = checkpoints.newest()
    assert found is not None
    assert found[1].numbers["steps"] == 1 and found[0]["values"][0] == 1
    assert "passed over" in caplog.text


def test_without_a_whole_checkpoint_there_is_none(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "nothing").newest() is None
    (tmp_path / "step-00000001").mkdir()
    assert Checkpoints(tmp_path).newest() is None


def test_the_newest_ones_are_kept_and_what_a_kill_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".part-left").mkdir()
    checkpoints = Checkpoints(tmp_path)
    for step in range(5):
        checkpoints.save(step, {"values": torch.zeros(2)}, {})
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        f"step-0000000{step}" for step in range(5 - KEPT, 5)
    ]


FULL_DISK = """
import resource, signal, sys, torch
from pathlib import Path
from finetune.training.checkpoints import Checkpoints
checkpoints = Checkpoints(Path(sys.argv[1]))
assert checkpoints.keep(1, {"values": torch.ones(100)}, {"steps": 1})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
assert not checkpoints.keep(2, {"values": torch.ones(100_000)}, {"steps": 2})
print(checkpoints.newest()[1].numbers["steps"], len(list(Path(sys.argv[1]).iterdir())))
"""


def test_a_disk_that_refuses_leaves_the_earlier_checkpoint_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"] or done.stdout.split() == ["1.0", "1"]


def test_a_signal_stops_a_run_between_two_steps_and_saves_it(
    base: BaseModel, samples: list[Sample], tmp_path: Path
) -> None:
    loop = new_loop(base, tmp_path, save_minutes=60)

    def report(done: Step) -> None:
        if done.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedError, match="stopped at step 3 of 12, which is saved"):
        loop.run(samples[:6], samples[6:], report)
    again = new_loop(base, tmp_path)
    assert again.resume(Checkpoints(tmp_path)) and again.at.steps == 3


def test_a_second_signal_acts_at_once_and_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.asked
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
