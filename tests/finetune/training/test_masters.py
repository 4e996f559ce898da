"""The learning rate over a run."""

from typing import Any

import pytest
import torch
from transformers import get_linear_schedule_with_warmup

from finetune.training.masters import schedule

RATE = 1e-3


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0.0), (10, 0.0), (40, 0.1), (100, 0.03)])
def test_linear_is_that_of_transformers(steps: int, warmup: float) -> None:
    rising = round(warmup * steps)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    made: Any = get_linear_schedule_with_warmup
    theirs = made(optimizer, max(0, rising - 1), steps)
    expected = []
    for _ in range(steps):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    ours = [RATE * schedule("linear", step, steps, warmup) for step in range(1, steps + 1)]
    assert ours[rising:] == pytest.approx(expected[rising:])


@pytest.mark.parametrize("kind", ["cosine", "linear", "constant"])
def test_every_step_moves_something_and_none_by_more_than_the_rate(kind: str) -> None:
    for steps in (1, 2, 7, 300):
        shares = [schedule(kind, step, steps, 0.03) for step in range(1, steps + 1)]
        assert all(0 < share <= 1 for share in shares)
        peak = shares.index(max(shares))
        assert shares[peak:] == sorted(shares[peak:], reverse=True)
