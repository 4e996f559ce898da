"""An Engine (see the protocol) over a completion server: the same questions, read elsewhere.

The frame and the tokens are those of the base's own tokenizer, which is here; the weights are
there. Where the server takes ids it is sent ids. Where it takes only text, what would be a special
token in it is broken up first, so that a diff cannot end its own turn.
"""

import heapq
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import exp, log
from pathlib import Path
from typing import TypeVar

from finetune.engines.openai import CompletionServer, Prompt
from finetune.engines.repetition import cut_repetition
from finetune.training.samples import Chat, Sample, make_sample
from postil.answer import Anchor
from postil.errors import ModelError

AT_ONCE = 8
"""Requests in flight; a server batches what comes together."""

T = TypeVar("T")
U = TypeVar("U")


class ServedEngine:
    """Scores and writes through one model of one server."""

    def __init__(self, server: CompletionServer, chat: Chat, max_length: int) -> None:
        """Asks the server once what it takes and gives; ModelError where it cannot be reached."""
        self._server, self._chat, self._max_length = server, chat, max_length
        self._by_ids = server.takes_ids()
        probe = self._prompt(chat.question("", max_length))
        self.has_scores = server.ask_for_most() and server.next_tokens(probe) is not None
        """Whether it gives log-probabilities of what comes next; without them no score."""
        self.weighs_answers = self.has_scores and server.last_tokens(probe, 1) is not None
        """Whether it gives those of the prompt too, without which there is no loss."""
        if not self.has_scores:
            server.go_on(probe, 1)  # or it would not answer at all

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def score(self, instructions: Sequence[str]) -> list[float]:
        """Speak log-odds of each question; see the protocol."""
        return self._each(self._score, instructions)

    def anchor_scores(self, instruction: str, allowed: Sequence[Anchor]) -> list[float]:
        """Log-probability of the likeliest anchor line, and upper bounds, no higher, of others.

        The tree of lines is walked best first, one token a request, so most is never asked.
        """
        question = self._chat.question(self._harmless(instruction), self._max_length)
        lines = [self._chat.encode(f"{anchor}\n") for anchor in allowed]
        bounds: dict[tuple[int, ...], float] = {(): 0.0}
        open_ends: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
        while open_ends:
            _, path = heapq.heappop(open_ends)
            if path in lines:
                break
            told = self._next((*question, *path))
            for token in {line[len(path)] for line in lines if line[: len(path)] == path}:
                longer = (*path, token)
                bounds[longer] = bounds[path] + told.get(self._text(token), min(told.values()))
                heapq.heappush(open_ends, (-bounds[longer], longer))
        return [
            bounds[max((path for path in bounds if line[: len(path)] == path), key=len)]
            for line in lines
        ]

    def write(
        self, instructions: Sequence[str], anchors: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """Greedy text after each anchor line, cut where it repeats."""
        room = self._max_length - max_tokens
        prompts = [
            self._prompt(
                (
                    *self._chat.question(self._harmless(text), room),
                    *self._chat.encode(f"{anchor}\n"),
                )
            )
            for text, anchor in zip(instructions, anchors, strict=True)
        ]
        written = self._each(lambda prompt: self._server.go_on(prompt, max_tokens), prompts)
        return [cut_repetition(text) for text in written]

    def loss(
        self, instructions: Sequence[str], responses: Sequence[str]
    ) -> list[tuple[float, int]]:
        """Nats and tokens of each whole answer; (0, 0) where it has no room."""
        made = [
            make_sample(self._chat, self._harmless(q), self._harmless(a), self._max_length)
            for q, a in zip(instructions, responses, strict=True)
        ]
        return self._each(self._loss, made)

    def plain_loss(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        """The same of texts that answer nothing; see the protocol."""
        ids = [self._chat.encode(self._harmless(text))[: self._max_length] for text in texts]
        return self._each(self._plain, ids)

    def _plain(self, ids: Sequence[int]) -> tuple[float, int]:
        return (-self._likely(ids, len(ids) - 1), len(ids) - 1) if len(ids) > 1 else (0.0, 0)

    def _loss(self, sample: Sample | None) -> tuple[float, int]:
        if sample is None:
            return (0.0, 0)
        return -self._likely(sample.ids, sample.learned), sample.learned

    def _score(self, instruction: str) -> float:
        question = self._chat.question(self._harmless(instruction), self._max_length)
        told = self._next(question)
        silent, *speaking = (
            told[self._text(token)]
            if self._text(token) in told
            else self._likely((*question, token), 1, least=min(told.values()))
            for token in (self._chat.silent, *dict.fromkeys(self._chat.speaking))
        )
        return _log_sum(speaking) - silent

    def _next(self, ids: Sequence[int]) -> dict[str, float]:
        told = self._server.next_tokens(self._prompt(ids)) if self.has_scores else None
        if told is None:
            raise ModelError(f"{self._server.address}: gives no log-probabilities")
        return told

    def _likely(self, ids: Sequence[int], count: int, *, least: float | None = None) -> float:
        """Log-probability of the last `count` tokens; `least` where the server cannot say."""
        told = self._server.last_tokens(self._prompt(ids), count)
        if told is None and least is not None:
            return least
        if told is None:
            raise ModelError(
                f"{self._server.address}: gives no log-probabilities of its prompt (vLLM does;"
                " llama.cpp's Python server with --logits_all true)"
            )
        meant = "".join(self._text(token) for token in ids[-count:])
        if self._plainly(meant) != self._plainly("".join(token for token, _ in told)):
            raise ModelError(
                f"{self._server.address}: reads texts into other tokens than the tokenizer here;"
                " it serves another base"
            )
        return sum(value for _, value in told)

    def _prompt(self, ids: Sequence[int]) -> Prompt:
        return list(ids) if self._by_ids else str(self._chat.tokenizer.decode(list(ids)))

    def _text(self, token: int) -> str:
        return str(self._chat.tokenizer.decode([token]))

    def _plainly(self, text: str) -> str:
        """Without special tokens, which some servers show as nothing, and what is not ASCII, as
        pieces of a character are shown in many ways."""
        for special in self._chat.tokenizer.get_added_vocab():
            text = text.replace(special, "")
        return text.encode("ascii", "ignore").decode()

    def _harmless(self, text: str) -> str:
        """With the names of special tokens broken up, where the server would read them as such."""
        if not self._by_ids:
            for special in self._chat.tokenizer.get_added_vocab():
                text = text.replace(special, f"{special[0]} {special[1:]}")
        return text

    def _each(self, call: Callable[[T], U], asked: Sequence[T]) -> list[U]:
        """The answers in order, several asked for at once."""
        if not asked:
            return []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(call, asked))


def open_served(url: str, model: str, tokenizer: Path, max_length: int) -> ServedEngine:
    """The engine of a model at a server; ModelError where either cannot be had."""
    from transformers import AutoTokenizer

    try:
        chat = Chat(AutoTokenizer.from_pretrained(tokenizer, local_files_only=True))
    except (OSError, ValueError) as error:
        reason = str(error).split("\n", 1)[0]
        raise ModelError(f"{tokenizer}: no tokenizer can be read there: {reason}") from error
    return ServedEngine(CompletionServer(url, model), chat, max_length)


def _log_sum(values: Sequence[float]) -> float:
    most = max(values)
    return most + log(sum(exp(value - most) for value in values))
