"""A real base and a real adapter, small enough to load in a blink; their weights are random.

What it says is quoted from its index (`way` = recall) or gibberish (`write`).

    python -m tests.bot.tiny_adapter HOME BASE WAY    # prints the adapter's folder
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from finetune.adapters import Registry
from finetune.base_model import find_base
from finetune.gate import GATE_FILE, Gate, write_gate
from finetune.recall import INDEX_FILE, IndexEntry, write_index
from postil.prompt import TEMPLATE
from postil.records import AdapterCard
from tests.finetune.builders import FORCED

REPO = "team/shop"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
PAST = IndexEntry(
    message="Log it instead of printing it, please.",
    url="https://github.com/team/shop/pull/3#discussion_r9",
    pull=3,
    decided_at=datetime(2024, 5, 1, tzinfo=UTC),
    path="shop/cart.py",
    language="python",
    text=" def total(self):\n+    print(self.prices)\n     return sum(self.prices)",
    start=2,
    end=2,
)


def make_base(folder: Path) -> Path:
    """A llama of two thin layers whose tokens are bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*alphabet, "<|end|>"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|end|>"
    ).save_pretrained(folder)
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        eos_token_id=vocabulary["<|end|>"],
        bos_token_id=None,
    )
    model: Any = LlamaForCausalLM(config)
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


def publish_adapter(home: Path, base_folder: Path, *, way: str = "recall") -> Path:
    """Make, publish and promote an adapter that speaks about every window."""
    base = find_base(str(base_folder), home)
    registry = Registry(home)
    model = LlamaForCausalLM.from_pretrained(base.folder)
    shape = LoraConfig(r=2, lora_alpha=4, target_modules="all-linear", task_type="CAUSAL_LM")
    with registry.workspace(REPO) as folder:
        get_peft_model(model, shape).save_pretrained(str(folder))
        (folder / "README.md").unlink(missing_ok=True)
        write_index(folder / INDEX_FILE, [PAST])
        write_gate(folder / GATE_FILE, ALWAYS)
        published = registry.publish(folder, _card(base.name, base.revision, base.sha256, way))
    registry.promote(REPO, published, FORCED)
    return published


ALWAYS = Gate(
    method="constant",
    features=(),
    coefficients=(),
    means=(),
    scales=(),
    intercept=2.0,
    threshold=0.5,
    wanted_precision=0.5,
    expected_precision=None,
    expected_recall=None,
    examples=0,
    remarks=0,
    silence_weight=1.0,
    note="of a test",
)


def _card(base: str, revision: str, sha256: str, way: str) -> AdapterCard:
    return AdapterCard(
        name="tiny",
        repo=REPO,
        base=base,
        base_revision=revision,
        base_sha256=sha256,
        template=TEMPLATE,
        window_lines=24,
        max_length=1024,
        data_sha256="0" * 64,
        pairs=1,
        mode="lora",
        scoring={"engine": "local", "precision": "bf16", "way": way},
        seed=7,
        libraries={},
        files={},
        metrics={},
        created_at=WHEN,
    )


if __name__ == "__main__":
    home, base, way = sys.argv[1:]
    folder = Path(base) if Path(base).exists() else make_base(Path(base))
    print(publish_adapter(Path(home), folder, way=way))
