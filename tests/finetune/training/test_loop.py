from itertools import islice
from typing import Any

import msgspec
import pytest
import torch
from torch.nn import functional

from finetune.base_model import BaseModel
from finetune.loaded_base import load_base, load_tokenizer
from finetune.training.attention import use_short_attention
from finetune.training.batches import batches, collate, micro_batches
from finetune.training.held_out import held_out_loss
from finetune.training.loop import Loop, Step
from finetune.training.losses import answer_losses, head_logits
from finetune.training.samples import IGNORE, Chat, Sample, make_sample
from postil.errors import TrainingError
from postil.settings import TrainSettings

ANSWERS = ("R1\nName it.", "NO_COMMENT", "L2-3\nKeep the old name here, callers use it.")


@pytest.fixture(scope="module")
def samples(base: BaseModel) -> list[Sample]:
    chat = Chat(load_tokenizer(base))
    made = [
        make_sample(chat, f"Review.\n+{'x' * 9 * n} R1", answer, 512)
        for n, answer in enumerate(ANSWERS, 1)
    ]
    return [sample for sample in made if sample is not None]


def tunable(base: BaseModel) -> Any:
    torch.manual_seed(5)
    model: Any = load_base(base, "bf16")
    return model.float().requires_grad_(True)


def test_the_loss_at_labels_is_the_loss_of_full_logits(
    base: BaseModel, samples: list[Sample]
) -> None:
    model = tunable(base).eval()
    losses, weights = answer_losses(model, collate(samples, "cpu"))
    expected, shares = [], []
    for sample in samples:  # alone: no padding, no mask
        logits = model(torch.tensor([sample.ids])).logits[0, :-1]
        labels = torch.tensor(sample.labels[1:])
        learned = labels != IGNORE
        expected.append(functional.cross_entropy(logits, labels, reduction="none")[learned])
        shares += [w for w, at in zip(sample.weights[1:], learned.tolist(), strict=True) if at]
    assert torch.allclose(losses, torch.cat(expected), atol=1e-4)
    assert weights.tolist() == pytest.approx(shares)


def test_logits_are_capped_and_scaled_as_the_family_does(base: BaseModel) -> None:
    model = tunable(base)
    hidden = torch.ones(2, 64)
    plain = head_logits(model, hidden)
    model.config.final_logit_softcapping = 0.5
    assert torch.allclose(head_logits(model, hidden), 0.5 * torch.tanh(plain / 0.5))


def test_logits_of_a_few_tokens_are_those_of_all_but_for_rounding(base: BaseModel) -> None:
    model: Any = load_base(base, "bf16")
    hidden = torch.randn(3, model.config.hidden_size, dtype=torch.bfloat16)
    few = head_logits(model, hidden, (4, 9))
    assert few.dtype == torch.float32
    torch.testing.assert_close(few, head_logits(model, hidden)[:, [4, 9]], rtol=0.02, atol=0.02)


def test_micro_batches_hold_every_sample_once_and_stay_small(samples: list[Sample]) -> None:
    many = samples * 30
    for packed in (False, True):
        groups = list(micro_batches(many, 4096, packed=packed))
        assert sum(len(group) for group in groups) == len(many)
        for group in groups:
            lengths = [len(sample.ids) for sample in group]
            assert (sum(lengths) if packed else len(group) * max(lengths)) <= 4096


def run(
    base: BaseModel, samples: list[Sample], held_out: list[Sample], **more: Any
) -> tuple[Loop, Any, list[Step]]:
    settings = TrainSettings(**{"batch": 3, "epochs": 20, "learning_rate": 5e-3, **more})
    loop = Loop(tunable(base), settings)
    told: list[Step] = []
    done = loop.run(samples, held_out, told.append)
    return loop, done, told


def test_the_answer_and_its_end_are_learned(base: BaseModel, samples: list[Sample]) -> None:
    loop, done, _ = run(base, samples[:1], samples[:1], batch=1, epochs=60)
    assert done.best_loss < 0.2 < done.first_loss
    chat = Chat(load_tokenizer(base))
    question = list(chat.question("Review.\n+xxxxxxxxx R1", 512))
    said = loop.model.eval().generate(torch.tensor([question]), max_new_tokens=20, do_sample=False)
    assert chat.tokenizer.decode(said[0, len(question) :]) == "R1\nName it.<|im_end|>"


def test_the_best_weights_are_kept_and_the_run_stops_early(
    base: BaseModel, samples: list[Sample]
) -> None:
    loop, done, told = run(base, samples[:2], samples[2:], batch=2, patience=2)
    assert done.steps < 20
    assert held_out_loss(loop.model, samples[2:]) == pytest.approx(done.best_loss, rel=1e-4)
    assert [row.step for row in told] == list(range(1, done.steps + 1))
    measured = [row.held_out for row in told if row.held_out is not None]
    assert min(measured) == done.best_loss and len(measured) >= 3


def timeless(told: list[Step]) -> list[Step]:
    return [msgspec.structs.replace(row, seconds=0.0) for row in told]


def test_the_same_seed_gives_the_same_run(base: BaseModel, samples: list[Sample]) -> None:
    runs = [run(base, samples, samples[:1], epochs=3) for _ in "ab"]
    assert timeless(runs[0][2]) == timeless(runs[1][2])


def test_a_loss_that_is_not_finite_stops_at_once_and_names_the_batch(
    base: BaseModel, samples: list[Sample]
) -> None:
    loop = Loop(tunable(base), TrainSettings(batch=3))
    with torch.no_grad():
        loop.model.model.norm.weight.fill_(float("nan"))
    named = [msgspec.structs.replace(s, name=f"pair{at}") for at, s in enumerate(samples)]
    said = r"step 1: loss nan .* batch of 3 samples .*pairs pair"
    with pytest.raises(TrainingError, match=said):
        loop.run(named, [], lambda _: None)


def test_a_gradient_that_explodes_stops_at_once(base: BaseModel, samples: list[Sample]) -> None:
    loop = Loop(tunable(base), TrainSettings(batch=3, epochs=40, learning_rate=1e-5))

    def spoil(done: Step) -> None:
        if done.step == 20:
            with torch.no_grad():
                loop.model.model.norm.weight.mul_(1e4)

    with pytest.raises(TrainingError, match="step 21: the gradient exploded"):
        loop.run(samples, [], spoil)


def test_a_packed_run_learns_what_a_padded_one_learns(
    base: BaseModel, samples: list[Sample]
) -> None:
    ends = []
    for packed in (False, True):
        model = tunable(base)
        use_short_attention(model)
        loop = Loop(model, TrainSettings(batch=3, epochs=10, dropout=0.0), packed=packed)
        ends.append(loop.run(samples, samples, lambda _: None).best_loss)
    assert ends[0] == pytest.approx(ends[1], rel=1e-3)


def test_batches_cover_every_epoch_and_do_not_sort_by_answer() -> None:
    short, long = (
        Sample(ids=(1,) * (9 + n), labels=(IGNORE,) * 9 + (2,) * n, weights=(0.0,) * 9 + (1.0,) * n)
        for n in (1, 30)
    )
    drawn_batches = list(islice(batches([short, long] * 16, 4, 7), 16))
    drawn = [sample for batch in drawn_batches for sample in batch]
    assert {len(batch) for batch in drawn_batches} == {4}
    assert drawn.count(short) == len(drawn) / 2
    assert sum(len({len(s.ids) for s in batch}) == 2 for batch in drawn_batches) > 8
