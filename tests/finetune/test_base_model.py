import shutil
from pathlib import Path

import pytest
import torch

from finetune import base_model
from finetune.base_model import BaseModel, Precision, computed_in, find_base, load_base
from postil.errors import ModelError
from tests.fakes import tiny_base


def test_an_unknown_base_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"unknown base model 'gpt-17': expected smollm2-135m"):
        find_base("gpt-17", tmp_path)


def test_a_hub_model_without_a_pinned_revision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="owner/name@revision"):
        find_base("someone/coder", tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        find_base(str(tmp_path), tmp_path)


def test_a_folder_with_pickled_weights_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="no safetensors"):
        find_base(str(tmp_path), tmp_path)


def test_bases_of_equal_shape_are_told_apart(base: BaseModel, tmp_path: Path) -> None:
    other = tiny_base(tmp_path, seed=2)
    assert other.sha256 != base.sha256


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
    monkeypatch.setattr(base_model, "UNPACK_BELOW", 0)
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
