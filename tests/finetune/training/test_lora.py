import pytest
import torch
from peft import LoraConfig
from peft.tuners.lora import Linear
from torch import nn

from finetune.base_model import BaseModel
from finetune.loaded_base import load_base
from finetune.training.lora import CpuLora, add_lora
from postil.errors import ConfigError
from postil.settings import TrainSettings


def layers(dropout: float = 0.0) -> tuple[CpuLora, Linear]:
    """Ours and peft's, with the same weights."""
    torch.manual_seed(3)
    inner = nn.Linear(24, 40)
    inner.requires_grad_(False)
    config = LoraConfig(r=4, lora_alpha=8, lora_dropout=dropout, init_lora_weights=False)
    ours = CpuLora(inner, "default", config=config, r=4, lora_alpha=8)
    theirs = Linear(inner, "default", config=config, r=4, lora_alpha=8)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def test_output_and_gradients_are_those_of_peft() -> None:
    ours, theirs = layers()
    found = []
    for layer in (ours, theirs):
        x = torch.linspace(-1, 1, 2 * 5 * 24).view(2, 5, 24).requires_grad_(True)
        y = layer(x)
        (y * torch.arange(40)).sum().backward()
        grads = [layer.lora_A["default"].weight.grad, layer.lora_B["default"].weight.grad, x.grad]
        found.append([y, *grads])
    for mine, peft in zip(*found, strict=True):
        assert mine is not None and peft is not None
        assert torch.allclose(mine, peft, rtol=1e-4, atol=1e-4)


def test_dropout_drops_whole_features_and_only_in_training() -> None:
    ours, _ = layers(dropout=0.5)
    x = torch.ones(3, 24)
    trained = ours.train()(x)
    assert torch.allclose(trained[0], trained[1])
    assert not torch.allclose(trained, ours(x))
    calm = ours.eval()(x)
    assert torch.equal(calm, ours(x))


def test_an_unknown_target_names_the_real_ones(base: BaseModel) -> None:
    settings = TrainSettings(targets=("q_proj", "query"))
    with pytest.raises(ConfigError, match=r"unknown module query; this base has all-linear, down"):
        add_lora(load_base(base, "bf16"), settings, "x")


def test_rank_zero_is_refused_by_the_settings() -> None:
    with pytest.raises(ValueError, match="rank must be at least 1"):
        TrainSettings(rank=0)
