"""The real embedded model learns another domain from our sample of it, in forty steps."""

from pathlib import Path

import pytest
import torch

from finetune.base_model import BaseModel, find_base
from finetune.foreign_pairs import read_any_pairs
from finetune.loaded_base import load_tokenizer
from finetune.training.samples import Chat
from finetune.training.train import Prepared, prepare, run
from postil.settings import TrainSettings

FIRST_AID = Path(__file__).parents[2] / "examples" / "pairs" / "first-aid.jsonl"
ASKED = "An adult is choking and cannot speak. What comes first?"
SETTINGS = TrainSettings(
    mode="lora", rank=8, alpha=16, learning_rate=1e-3, batch=8, epochs=4.1, max_length=256
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("default"),  # the libraries' own, with a real model
]


@torch.inference_mode()
def answered(prepared: Prepared, base: BaseModel) -> str:
    """The greedy answer to a question of the training part."""
    model, chat = prepared.loop.model, Chat(load_tokenizer(base))
    model.eval()
    ids = torch.tensor([chat.question(ASKED, 200)], device=prepared.plan.device)
    written = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=40,
        do_sample=False,
        eos_token_id=chat.end,
        pad_token_id=chat.end,
    )
    return str(chat.tokenizer.decode(written[0, ids.shape[1] :]))


def test_forty_steps_lower_the_held_out_loss_by_a_fifth_and_teach_an_answer(home: Path) -> None:
    """Some facts are asked twice in other words, so this shows learning, not first-aid skill."""
    pairs = read_any_pairs(FIRST_AID)
    assert next(pair.split for pair in pairs if pair.instruction == ASKED) == "train"
    base = find_base("smollm2-135m", home)
    prepared = prepare(pairs, SETTINGS, base)
    assert "back blows" not in answered(prepared, base)
    prepared.loop.model.train()
    done = run(prepared, None, lambda _: None)
    assert done.steps <= 40
    assert done.best_loss < 0.8 * done.first_loss, done  # in nats a token
    assert "back blows" in answered(prepared, base)
