import shutil
from pathlib import Path

import pytest
import torch

from finetune import loaded_base
from finetune.base_model import BaseModel, find_base
from finetune.loaded_base import Precision, computed_in, load_base
from postil.errors import ModelError


def test_truncated_weights_are_one_clear_line(base: BaseModel, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(base.folder, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load_base(find_base(str(folder), tmp_path), "bf16")
    assert "\n" not in str(caught.value)


def test_nf4_on_a_cpu_keeps_the_values_that_packed_weights_stand_for(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked = load_base(base, "nf4")
    monkeypatch.setattr(loaded_base, "UNPACK_BELOW", 0)
    packed = load_base(base, "nf4")
    plain = load_base(base, "bf16")
    layer = "model.layers.0.mlp.up_proj"
    assert type(packed.get_submodule(layer)).__name__ == "Linear4bit"
    rows = torch.randn(8, 64, dtype=torch.bfloat16)
    by_packed, by_unpacked, by_plain = (
        model.get_submodule(layer)(rows).float() for model in (packed, unpacked, plain)
    )
    assert torch.allclose(by_packed, by_unpacked, atol=2e-2)
    assert not torch.allclose(by_plain, by_unpacked, atol=2e-2)


def test_a_loaded_base_is_frozen(base: BaseModel) -> None:
    assert not any(p.requires_grad for p in load_base(base, "nf4").parameters())


@pytest.mark.parametrize("fast", [True, False])
def test_where_16_bit_products_are_slow_the_same_numbers_are_multiplied_in_32(
    monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    told = {"avx512_bf16": fast, "avx2": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told)
    asked: tuple[Precision, ...] = ("bf16", "nf4", "fp32", "nf4-fp32")
    used = tuple(computed_in(precision, "cpu") for precision in asked)
    assert used == (asked if fast else ("fp32", "nf4-fp32", "fp32", "nf4-fp32"))
