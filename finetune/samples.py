"""Instruction and response -> token ids, labels and weights; the same ids in training and serving.

The frame around a question is the tokenizer's own chat template, with an explicit empty system
turn so that no default system text is inserted. Question and answer are encoded with special
tokens split, so a diff that holds `<|im_end|>` cannot end its turn. Every part of an answer that
serving encodes alone (the anchor line, the message) is encoded alone here too.
"""

from collections.abc import Sequence

import jinja2
import msgspec
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from postil.answer import ANCHOR, NO_COMMENT
from postil.errors import ModelError
from postil.records import Pair

IGNORE = -100
"""cross-entropy's ignore_index in torch."""

BODY = "\ue000BODY\ue000"
DECISION_WEIGHT = 2.0
ANCHOR_WEIGHT = 1.0
WORDING_WEIGHT = 2.0
"""Shares of one sample's loss: the first token decides whether to speak, so it weighs as much as
all words of a remark together (docs/log.md, 2026-11-24)."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """`ids`, `labels` and `weights` are all (T,); labels are IGNORE where nothing is learned."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    weights: tuple[float, ...]

    @property
    def learned(self) -> int:
        """How many tokens count in the loss."""
        return sum(label != IGNORE for label in self.labels)


class Chat:
    """One base's way of writing a question and its answer as token ids."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        head, found, tail = _frame(tokenizer).partition(BODY)
        if not found:
            raise ModelError("the base's chat template drops the user's message")
        self._head = self._framed(head)
        self._tail = self._framed(tail)
        if tokenizer.eos_token_id is None:
            raise ModelError("the base's tokenizer has no end token; it could never stop")
        self.end: int = int(tokenizer.eos_token_id)
        self.silent: int = self.encode(NO_COMMENT)[0]
        self.speaking: tuple[int, int] = (self.encode("R7\n")[0], self.encode("L4\n")[0])
        if self.silent in self.speaking or self.encode("R12\n")[0] != self.speaking[0]:
            raise ModelError(f"the base's tokenizer cannot tell {NO_COMMENT} from an anchor")

    def _framed(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False).input_ids)

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of foreign text; nothing in it is a special token."""
        encoded = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        return tuple(encoded.input_ids)

    def question(self, instruction: str, room: int) -> tuple[int, ...]:
        """Ids of a whole question; one longer than `room` tokens loses its middle."""
        body = self.encode(instruction)
        space = max(0, room - len(self._head) - len(self._tail))
        if len(body) > space:
            front = space // 2
            body = body[:front] + body[len(body) - (space - front) :]
        return (*self._head, *body, *self._tail)

    def answer(self, response: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Ids of the anchor line (empty if there is none) and of the rest with the end token."""
        first, newline, rest = response.partition("\n")
        if newline and ANCHOR.match(first):
            return self.encode(first + "\n"), (*self.encode(rest), self.end)
        return (), (*self.encode(response), self.end)


def make_sample(
    chat: Chat, instruction: str, response: str, max_length: int, *, wording_only: bool = False
) -> Sample | None:
    """Join question and answer; None where the answer leaves no room for a question.

    The end token is learned. `wording_only` leaves the decision and the anchor unlearned.
    """
    anchor, rest = chat.answer(response)
    room = max_length - len(anchor) - len(rest)
    if room < max_length // 4:
        return None
    question = chat.question(instruction, room)
    ids = (*question, *anchor, *rest)
    weights = _weights(anchor, rest, response, wording_only)
    learned = zip(ids[len(question) :], weights, strict=True)
    labels = tuple(token if weight else IGNORE for token, weight in learned)
    return Sample(
        ids=ids,
        labels=(*[IGNORE] * len(question), *labels),
        weights=(*[0.0] * len(question), *weights),
    )


def _weights(
    anchor: Sequence[int], rest: Sequence[int], response: str, wording_only: bool
) -> tuple[float, ...]:
    """One a token of the answer. Answers of other domains weigh every token the same."""
    wording = [WORDING_WEIGHT / len(rest)] * len(rest)
    if anchor:
        place = [DECISION_WEIGHT, *[ANCHOR_WEIGHT] * (len(anchor) - 1)]
        return (*([0.0] * len(anchor) if wording_only else place), *wording)
    if response == NO_COMMENT:
        return (DECISION_WEIGHT, *wording[1:])
    return tuple([1.0] * len(rest))


def make_samples(chat: Chat, pairs: Sequence[Pair], max_length: int) -> tuple[list[Sample], int]:
    """Samples of the pairs in order, and how many had no room."""
    made = [
        make_sample(
            chat, pair.instruction, pair.response, max_length, wording_only=not pair.located
        )
        for pair in pairs
    ]
    kept = [sample for sample in made if sample is not None]
    return kept, len(made) - len(kept)


def _frame(tokenizer: PreTrainedTokenizerBase) -> str:
    """The text around a question: the chat template's, or a plain one where there is none."""
    if not tokenizer.chat_template:
        return f"### Instruction:\n{BODY}\n\n### Response:\n"
    user = {"role": "user", "content": BODY}
    try:
        turns = [{"role": "system", "content": ""}, user]
        framed = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    except jinja2.TemplateError:  # templates without a system turn raise
        framed = tokenizer.apply_chat_template([user], tokenize=False, add_generation_prompt=True)
    return str(framed)
