"""A real base and a real adapter, small enough to load in a blink; their weights are random.

What it says is quoted from its index (`way` = recall) or gibberish (`write`).

    python -m tests.bot.tiny_adapter HOME BASE WAY    # prints the adapter's folder
"""

import sys
from pathlib import Path
from typing import Any

import torch
from msgspec.structs import replace
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from finetune.adapters import Registry
from finetune.base_model import find_base
from finetune.gate import GATE_FILE, write_gate
from finetune.recall import INDEX_FILE, write_index
from tests.bot.memory_adapter import ALWAYS, PAST, REPO, memory_card
from tests.finetune.builders import FORCED


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
        card = replace(
            memory_card(),
            base=base.name,
            base_revision=base.revision,
            base_sha256=base.sha256,
            mode="lora",
            scoring={"engine": "local", "precision": "bf16", "way": way},
        )
        published = registry.publish(folder, card)
    registry.promote(REPO, published, FORCED)
    return published


if __name__ == "__main__":
    home, base, way = sys.argv[1:]
    folder = Path(base) if Path(base).exists() else make_base(Path(base))
    print(publish_adapter(Path(home), folder, way=way))
