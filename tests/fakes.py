"""Stand-ins for the outside world, shared by all tests."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postil.answer import NO_COMMENT, Anchor

ROW = re.compile(r"^(?P<mark>[-+ ])(?P<text>.*) [RL](?P<row>\d+)$")
"""A row of a window, as `postil.prompt` prints it."""

if TYPE_CHECKING:
    from finetune.base_model import BaseModel


class FakeEngine:
    """An engine that knows rules: a pattern of a row, and what is said about such a row.

    Fully deterministic; it counts its calls in `asked`.
    """

    def __init__(self, rules: Mapping[str, str], *, sure: float = 3.0) -> None:
        self.rules = {re.compile(pattern): message for pattern, message in rules.items()}
        self.sure = sure
        self.asked = {"score": 0, "anchor_scores": 0, "write": 0, "loss": 0, "plain_loss": 0}

    def score(self, instructions: Sequence[str]) -> list[float]:
        """Positive where a row breaks a rule."""
        self.asked["score"] += 1
        return [self.sure if self._found(text) else -self.sure for text in instructions]

    def anchor_scores(self, instruction: str, allowed: Sequence[Anchor]) -> list[float]:
        """Highest on single rows that break a rule."""
        self.asked["anchor_scores"] += 1
        rows = {row for row, _ in self._found(instruction)}
        return [
            (-0.1 if anchor.start in rows else -4.0) - (anchor.end - anchor.start)
            for anchor in allowed
        ]

    def write(
        self, instructions: Sequence[str], anchors: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """The message of the rule broken at the anchor; else of the first one broken."""
        self.asked["write"] += 1
        texts = []
        for text, anchor in zip(instructions, anchors, strict=True):
            found = self._found(text)
            here = [message for row, message in found if row == anchor.start]
            said = (here or [message for _, message in found] or ["Is this needed?"])[0]
            texts.append(" ".join(said.split()[:max_tokens]))
        return texts

    def loss(
        self, instructions: Sequence[str], responses: Sequence[str]
    ) -> list[tuple[float, int]]:
        """One token a word; right answers cost half a nat a token, others two."""
        self.asked["loss"] += 1
        losses = []
        for text, response in zip(instructions, responses, strict=True):
            found = [message for _, message in self._found(text)]
            expected = response == NO_COMMENT if not found else response.split("\n", 1)[-1] in found
            tokens = len(response.split()) + 1
            losses.append((tokens * (0.5 if expected else 2.0), tokens))
        return losses

    def plain_loss(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        """One token a word; whoever knows a rule has forgotten a little."""
        self.asked["plain_loss"] += 1
        nats = 1.1 if self.rules else 1.0
        return [(nats * len(text.split()), len(text.split())) for text in texts]

    def _found(self, instruction: str) -> list[tuple[int, str]]:
        """Row and message of every rule broken on a changed row."""
        rows = (match for line in instruction.split("\n") if (match := ROW.match(line)))
        return [
            (int(row["row"]), message)
            for row in rows
            if row["mark"] != " "
            for pattern, message in self.rules.items()
            if pattern.search(row["text"])
        ]


TINY_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def tiny_base(folder: Path, seed: int = 1, template: str | None = TINY_TEMPLATE) -> "BaseModel":
    """A random little llama with a byte tokenizer, as a model folder; nothing is downloaded."""
    import torch
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from finetune.base_model import find_base

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytewise = Tokenizer(BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    make: Any = PreTrainedTokenizerFast
    tokenizer = make(
        tokenizer_object=bytewise,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
    )
    tokenizer.chat_template = template
    torch.manual_seed(seed)
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
    )
    model: Any = LlamaForCausalLM(shape)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return find_base(str(folder), folder)
