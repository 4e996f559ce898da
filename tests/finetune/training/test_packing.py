"""Samples in one row do not see each other: loss and gradients are those of reading each alone."""

from typing import Any

import pytest
import torch

from finetune.base_model import BaseModel
from finetune.loaded_base import load_base
from finetune.training.attention import LONGEST, use_short_attention
from finetune.training.batches import Batch, collate, pack
from finetune.training.losses import POSITIONS, answer_losses, packs_cleanly
from finetune.training.samples import IGNORE, Sample


def made(lengths: tuple[int, ...], answer: int = 5, seed: int = 0) -> list[Sample]:
    draw = torch.Generator().manual_seed(seed)
    samples = []
    for length in lengths:
        ids = tuple(torch.randint(3, 250, (length,), generator=draw).tolist())
        asked = length - answer
        labels = (*[IGNORE] * asked, *ids[asked:])
        weights = (*[0.0] * asked, *[1.0] * answer)
        samples.append(Sample(ids=ids, labels=labels, weights=weights))
    return samples


def exact(base: BaseModel, *, short: bool = True) -> Any:
    model: Any = load_base(base, "fp32")
    model.requires_grad_(True)
    if short:
        use_short_attention(model)
    return model


def weighed(model: Any, batch: Batch) -> torch.Tensor:
    losses, weights = answer_losses(model, batch)
    return (losses * weights).sum()


@pytest.mark.parametrize("short", [True, False], ids=["ours", "sdpa with a mask"])
@pytest.mark.parametrize("lengths", [(9, 30, 17), (6, 6), (LONGEST + 8, 20)])
def test_loss_and_gradients_of_a_packed_row_are_those_of_its_samples(
    base: BaseModel, lengths: tuple[int, ...], short: bool
) -> None:
    model, samples = exact(base, short=short), made(lengths)
    together = weighed(model, pack(samples, "cpu"))
    together.backward()  # type: ignore[no-untyped-call]
    packed = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    alone = torch.stack([weighed(model, collate([sample], "cpu")) for sample in samples])
    alone.sum().backward()  # type: ignore[no-untyped-call]
    assert float(together.detach()) == pytest.approx(float(alone.sum().detach()), rel=1e-5)
    for mine, parameter in zip(packed, model.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad, rtol=1e-3, atol=1e-5)


def test_without_a_gradient_too(base: BaseModel) -> None:
    model, samples = exact(base), made((12, 40))
    with torch.no_grad():
        together, _ = answer_losses(model, pack(samples, "cpu"))
        alone = torch.cat([answer_losses(model, collate([s], "cpu"))[0] for s in samples])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_many_learned_positions_are_read_in_pieces(base: BaseModel) -> None:
    model, samples = exact(base), made((POSITIONS + 90,), answer=POSITIONS + 50)
    losses, _ = answer_losses(model, collate(samples, "cpu"))
    logits = model(torch.tensor([samples[0].ids])).logits[0, :-1].log_softmax(-1)
    wanted = torch.tensor(samples[0].ids[1:])
    each = -logits.gather(1, wanted[:, None])[:, 0]
    torch.testing.assert_close(losses, each[-POSITIONS - 50 :], rtol=1e-4, atol=1e-4)


def test_a_model_that_keeps_samples_apart_is_trusted_and_one_that_does_not_is_not(
    base: BaseModel,
) -> None:
    samples = made((12, 40))
    assert packs_cleanly(exact(base), samples, "cpu")
    assert not packs_cleanly(exact(base), samples[:1], "cpu")
    careless = exact(base)
    careless.model.forward = without_positions(careless.model.forward)
    assert not packs_cleanly(careless, samples, "cpu")


def test_a_family_with_a_running_state_is_found_out() -> None:
    from transformers import MambaConfig, MambaForCausalLM

    shape: Any = MambaConfig(vocab_size=260, hidden_size=16, num_hidden_layers=1, state_size=4)
    make: Any = MambaForCausalLM
    assert not packs_cleanly(make(shape).eval(), made((12, 40)), "cpu")


def without_positions(forward: Any) -> Any:
    def careless(**inputs: Any) -> Any:
        kept = {k: v for k, v in inputs.items() if k not in ("position_ids", "lengths")}
        return forward(**kept)

    return careless
