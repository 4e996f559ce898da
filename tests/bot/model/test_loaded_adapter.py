"""Adapters of several repositories in one model process, on one base that is loaded once."""

import os
import shutil
from pathlib import Path
from typing import cast, get_args

import pytest

from bot.model.adapter_info import PRECISIONS, read_info
from bot.model.process import ModelProcess
from finetune.base_model import BaseModel
from finetune.cards import WEIGHTS
from finetune.engines.local import LocalEngine
from finetune.loaded_base import Precision
from postil.errors import AdapterError
from postil.prompt import render_question
from tests.fakes import tiny_base
from tests.finetune.builders import make_window
from tests.finetune.small_adapters import add_adapter

QUESTIONS = [render_question(make_window("+x = 1")), render_question(make_window("-gone()"))]


def process(folder: Path, base: BaseModel) -> ModelProcess:
    spec = {
        "adapter": str(folder),
        "base": base.name,
        "base_folder": str(base.folder),
        "base_revision": base.revision,
        "base_sha256": base.sha256,
    }
    _, info = read_info(folder)
    return ModelProcess(info, "bot.model.loaded_adapter:load", lambda: spec, os.environ)


def alone(base: BaseModel, folder: Path, precision: Precision = "bf16") -> list[float]:
    return LocalEngine(base, folder, precision=precision, device="cpu").score(QUESTIONS)


@pytest.mark.parametrize("mode", ["lora", "qlora"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_what_training_scores_in_can_be_served(tmp_path: Path, mode: str, dtype: str) -> None:
    base = tiny_base(tmp_path / "base")
    folder = add_adapter(base, tmp_path, mode=mode, dtype=dtype)
    precision = read_info(folder)[0].scoring["precision"]
    with process(folder, base) as model:
        expected = alone(base, folder, cast(Precision, precision))
        assert model.score(QUESTIONS) == pytest.approx(expected, abs=1e-6)


def test_every_precision_is_known_without_torch() -> None:
    assert get_args(Precision) == PRECISIONS


@pytest.mark.slow
def test_another_repository_is_read_without_loading_the_base_again(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base")
    first, second, third = (add_adapter(base, tmp_path, seed=seed) for seed in (1, 2, 3))
    packed = add_adapter(base, tmp_path, seed=4, mode="qlora")
    damaged = tmp_path / "damaged"
    shutil.copytree(third, damaged)
    with process(first, base) as model, process(damaged, base) as bad:
        assert model.score(QUESTIONS) == pytest.approx(alone(base, first), abs=1e-6)
        pid = model.pid
        with process(second, base) as other:
            other.take_over(model)
            assert other.score(QUESTIONS) == pytest.approx(alone(base, second), abs=1e-6)
            assert (other.pid, model.pid) == (pid, None)
            (damaged / WEIGHTS).write_bytes(b"")
            bad.take_over(other)
        with pytest.raises(AdapterError, match="damaged"):
            bad.score(QUESTIONS)
        with process(first, base) as again, process(packed, base) as nf4:
            again.take_over(bad)
            assert again.score(QUESTIONS) == pytest.approx(alone(base, first), abs=1e-6)
            assert again.pid == pid
            nf4.take_over(again)
            assert nf4.score(QUESTIONS) == pytest.approx(alone(base, packed, "nf4"), abs=1e-6)
            assert nf4.pid != pid
