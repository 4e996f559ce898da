"""Our fake of a completion server with a real tiny model behind it: log-probabilities and all.

Ours, so it only shows that we read the published form; the real one is in
tests/e2e/test_served_engine.py.
"""

import json
from typing import Any

import torch

from finetune.engines.local import LocalEngine
from tests.completion_server import CompletionServerFake, Json


class ScoringServerFake(CompletionServerFake):
    """Answers as vLLM does. `ids`: takes ids as prompts; `scores`: gives log-probabilities;
    `echo`: of its prompt too; `most`: of so many tokens; `chat_form`: in the form of chats."""

    def __init__(self, engine: LocalEngine) -> None:
        super().__init__(str.upper)
        self.engine = engine
        self.ids = self.scores = self.echo = True
        self.chat_form = False
        self.most = 1000

    def reply(self, asked: Json) -> tuple[int, bytes]:
        """As vLLM refuses what it does not grant."""
        if not isinstance(asked["prompt"], str) and not self.ids:
            return 400, b"{}"
        return (400, b"{}") if asked.get("logprobs", -1) > self.most else (200, self.answer(asked))

    def answer(self, asked: Json) -> bytes:
        """A completion of one prompt, greedily."""
        ids = self._read(asked["prompt"])
        with torch.inference_mode():
            likely = self.engine.model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
        written = [int(likely[-1].argmax())]
        choice: Json = {"index": 0, "text": self._text(written), "logprobs": None}
        if asked["max_tokens"] > 1:
            choice["text"] = self.engine._go_on([ids], asked["max_tokens"])[0]
        if asked.get("logprobs") and self.scores:
            choice["logprobs"] = self._told(ids, written, likely, asked)
        usage = {"completion_tokens": 1}
        return json.dumps({"choices": [choice], "usage": usage}).encode()

    def _read(self, prompt: str | list[int]) -> list[int]:
        if not isinstance(prompt, str):
            return prompt
        return list(self.engine.chat.tokenizer(prompt, add_special_tokens=False).input_ids)

    def _told(self, ids: list[int], written: list[int], likely: Any, asked: Json) -> Json | None:
        most = min(asked["logprobs"], likely.shape[-1])
        values, tokens = likely[-1].topk(most)
        top = {self._text([t]): v for v, t in zip(values.tolist(), tokens.tolist(), strict=True)}
        if asked.get("echo"):
            if not self.echo:
                return None
            pairs = list(zip(ids[1:], likely[:-1], strict=True))
            values = [None, *(float(row[token]) for token, row in pairs), float(values[0])]
            return {"tokens": [self._text([t]) for t in (*ids, *written)], "token_logprobs": values}
        if self.chat_form:
            named = [{"token": token, "logprob": value} for token, value in top.items()]
            return {"content": [{**named[0], "top_logprobs": named}]}
        return {"tokens": [self._text(written)], "token_logprobs": [0.0], "top_logprobs": [top]}

    def _text(self, ids: list[int]) -> str:
        return str(self.engine.chat.tokenizer.decode(ids))
