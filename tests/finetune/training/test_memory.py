"""What a run needs is known before it starts, and running out is one line."""

import mmap
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from transformers import LlamaConfig

from finetune.base_model import BaseModel
from finetune.training.forecast import forecast, measure_size, outline, outline_of, require_room
from finetune.training.memory import Meter, available, no_room_is_one_line
from finetune.training.train import Plan, estimated, prepare, run
from postil.errors import ModelError, TrainingError
from postil.settings import TrainSettings
from tests.finetune.builders import make_team

SETTINGS = TrainSettings(max_length=256, batch=4, rank=4)


def shape(**more: Any) -> Any:
    """Llama-2-7B's shape, unless said otherwise; no weights."""
    sizes = {
        "vocab_size": 32000,
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
    }
    return outline_of(LlamaConfig(**(sizes | more)))


def test_seven_billion_in_four_bits_fit_where_sixteen_do_not() -> None:
    model = shape()
    settings = TrainSettings(micro_tokens=1024, checkpointing=True)
    size = measure_size(model, settings)
    assert size.total == 6_738_415_616  # as published
    need = {
        mode: forecast(size_of(model, mode, settings), replaced(settings, mode), "cuda") / 1e9
        for mode in ("qlora", "lora", "full")
    }
    assert 4 < need["qlora"] < 8 < need["lora"] < 20 < 100 < need["full"]


def replaced(settings: TrainSettings, mode: Any) -> TrainSettings:
    return msgspec.structs.replace(settings, mode=mode)


def size_of(model: Any, mode: str, settings: TrainSettings) -> Any:
    return measure_size(model, replaced(settings, mode))


def test_what_would_fit_is_said_and_it_does_fit() -> None:
    model, room = shape(), 12_000_000_000
    with pytest.raises(
        TrainingError, match=r"needs about .* GB and 12\.0 GB are left on cuda"
    ) as e:
        require_room(model, TrainSettings(mode="lora"), "cuda", room)
    said = str(e.value).split("it would fit with ")[1]
    assert "train.mode = qlora" in said
    change: dict[str, Any] = {"mode": "qlora", "checkpointing": True, "micro_tokens": 1024}
    require_room(model, TrainSettings(**change), "cuda", room)


def test_where_nothing_helps_a_smaller_base_is_named() -> None:
    with pytest.raises(TrainingError, match=r"a smaller train\.base only"):
        require_room(shape(), TrainSettings(), "cuda", 1_000_000_000)


def test_low_rank_matrices_are_counted_as_they_are_made(base: BaseModel) -> None:
    for change in ({}, {"rank": 3, "targets": ("q_proj", "down_proj")}, {"dora": True}):
        settings = msgspec.structs.replace(SETTINGS, mode="lora", **change)
        prepared = prepare(make_team(pulls=8), settings, base)
        made = sum(p.numel() for p in prepared.loop.model.parameters() if p.requires_grad)
        assert prepared.plan.trainable == made
        assert (
            prepared.plan.total
            == sum(p.numel() for p in prepared.loop.model.get_base_model().parameters()) - made
        )


def test_a_folder_without_a_configuration_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="its configuration cannot be read"):
        outline(tmp_path)


def test_a_probe_leaves_the_run_as_it_was(base: BaseModel) -> None:
    ends = []
    for probed in (False, True):
        prepared = prepare(make_team(pulls=12), SETTINGS, base)
        if probed:
            plan: Plan = estimated(prepared)
            assert plan.estimate is not None
            assert plan.estimate.seconds > 0 and plan.estimate.peak > 50_000_000
        ends.append(run(prepared, None, lambda _: None).best_loss)
    assert ends[0] == ends[1]


def test_the_meter_forgets_a_peak_when_told() -> None:
    meter, size = Meter("cpu"), 300 << 20
    with mmap.mmap(-1, size) as taken:
        taken.write(b"x" * size)
        high = meter.peak()
        assert size < high <= available("cpu")
    assert meter.peak() > high - size // 10  # the kernel counts in lots of pages
    meter.reset()
    assert meter.peak() < high - size // 2


SMALL = """
import resource
from finetune.training.memory import no_room_is_one_line
from postil.settings import TrainSettings
from postil.errors import TrainingError
import torch
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
try:
    with no_room_is_one_line(TrainSettings()):
        torch.ones(1 << 33)
except TrainingError as error:
    print(error)
"""


def test_running_out_of_memory_is_one_line_with_the_settings_to_change() -> None:
    done = subprocess.run([sys.executable, "-c", SMALL], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("out of memory: lower train.micro_tokens (now 2048)")
    assert "train.checkpointing = true" in done.stdout and done.stdout.count("\n") == 1


def test_other_faults_pass_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), no_room_is_one_line(SETTINGS):
        raise RuntimeError("shapes differ")
