"""The short way of attending gives what the fused kernel gives, forward and backward."""

from typing import Any

import pytest
import torch

from finetune.base_model import BaseModel
from finetune.loaded_base import load_base
from finetune.training.attention import LONGEST, attend, use_short_attention


def of_heads(length: int, heads: int, grad: bool = True) -> torch.Tensor:
    return torch.randn(2, heads, length, 8, requires_grad=grad)


class Causal(torch.nn.Module):
    """What the fused kernel asks its module for."""

    is_causal = True
    num_key_value_groups = 3
    training = True


@pytest.mark.parametrize("length", [1, 2, 7, 33])
def test_output_and_gradients_are_those_of_the_fused_kernel(length: int) -> None:
    torch.manual_seed(3)
    query, key, value = of_heads(length, 6), of_heads(length, 2), of_heads(length, 2)
    found, _ = attend(Causal(), query, key, value, None, scaling=0.3)
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=0.3, enable_gqa=True
    ).transpose(1, 2)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(found)
    mine = torch.autograd.grad((found * weights).sum(), (query, key, value))
    theirs = torch.autograd.grad((expected * weights).sum(), (query, key, value))
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("length", [5, LONGEST + 1])
def test_without_a_gradient_or_too_long_the_fused_kernel_answers(length: int) -> None:
    query, key, value = (of_heads(length, n, grad=length > LONGEST) for n in (6, 2, 2))
    found, _ = attend(Causal(), query, key, value, None)
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, is_causal=True, enable_gqa=True
    ).transpose(1, 2)
    torch.testing.assert_close(found, expected)


def test_a_whole_model_has_the_same_loss_with_padding_behind(base: BaseModel) -> None:
    model: Any = load_base(base, "bf16")
    model.to(torch.float32)
    model.requires_grad_(True)
    ids = torch.randint(5, 50, (3, 12))
    before = model(input_ids=ids).logits
    use_short_attention(model)
    torch.testing.assert_close(model(input_ids=ids).logits, before, rtol=1e-4, atol=1e-4)
    padded = torch.cat([ids, torch.zeros(3, 4, dtype=torch.long)], dim=1)
    torch.testing.assert_close(model(input_ids=padded).logits[:, :12], before, rtol=1e-4, atol=1e-4)
