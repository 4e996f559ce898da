"""Instruction and response -> token ids, labels and weights; the same ids in training and serving.

The frame around a question is the tokenizer's own chat template, with an explicit empty system
turn so that no default system text is inserted. Question and answer are encoded with special
tokens split, so a diff that holds `<|im_end|>` cannot end its turn. Every part of an answer that
serving encodes alone (the anchor line, the message) is encoded alone here too.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import jinja2
import msgspec

from postil.answer import ANCHOR, NO_COMMENT
from postil.errors import ModelError
from postil.records import Pair

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

IGNORE = -100
"""cross-entropy's ignore_index in torch."""

BODY = "\ue000BODY\ue000"
DECISION_WEIGHT = 2.0
ANCHOR_WEIGHT = 1.0
WORDING_WEIGHT = 2.0
"""Shares of one sample's loss: the first token decides whether to speak, so it weighs as much as
all words of a remark together (docs/log.md, 2026-11-24)."""


Turn = tuple[str, str]
"""Who speaks (system, user, assistant), and what is said."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """`ids`, `labels` and `weights` are all (T,); labels are IGNORE where nothing is learned."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    weights: tuple[float, ...]
    name: str = ""
    """Of the pair it was made of."""
    trimmed: bool = False
    """Whether the question had to be cut."""

    @property
    def learned(self) -> int:
        """How many tokens count in the loss."""
        return sum(label != IGNORE for label in self.labels)


class ForeignPair(Pair, frozen=True, kw_only=True):
    """A pair from elsewhere, with the turns of the talk before its question."""

    before: tuple[Turn, ...] = ()


class Encoded(msgspec.Struct, frozen=True, kw_only=True):
    """Samples in the order of their pairs, and what became of long ones."""

    samples: list[Sample]
    without_room: int = 0
    """Pairs left out: their answer leaves no room for a question."""

    @property
    def trimmed(self) -> int:
        """Samples whose question was cut."""
        return sum(sample.trimmed for sample in self.samples)


class Chat:
    """One base's way of writing a question and its answer as token ids."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self.tokenizer = tokenizer
        self._frames: dict[tuple[str, ...], list[tuple[int, ...]]] = {}
        self._frame(())
        self.hears_system = _hears_system(tokenizer)
        if tokenizer.eos_token_id is None:
            raise ModelError("the base's tokenizer has no end token; it could never stop")
        self.end: int = int(tokenizer.eos_token_id)
        self.silent: int = self.encode(NO_COMMENT)[0]
        self.speaking: tuple[int, int] = (self.encode("R7\n")[0], self.encode("L4\n")[0])
        if self.silent in self.speaking or self.encode("R12\n")[0] != self.speaking[0]:
            raise ModelError(f"the base's tokenizer cannot tell {NO_COMMENT} from an anchor")

    def _frame(self, roles: tuple[str, ...]) -> list[tuple[int, ...]]:
        """Ids of what stands around the texts of some turns and of the question after them."""
        if roles not in self._frames:
            pieces = _written_frame(self.tokenizer, roles).split(BODY)
            if len(pieces) != len(roles) + 2:
                raise ModelError("the base's chat template drops the user's message")
            self._frames[roles] = [
                tuple(self.tokenizer(piece, add_special_tokens=False).input_ids) for piece in pieces
            ]
        return self._frames[roles]

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of foreign text; nothing in it is a special token."""
        encoded = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        return tuple(encoded.input_ids)

    def question(self, instruction: str, room: int, before: Sequence[Turn] = ()) -> tuple[int, ...]:
        """Ids of a whole question of at most `room` tokens, with the turns before it."""
        return self.fitted(instruction, room, before)[0]

    def fitted(
        self, instruction: str, room: int, before: Sequence[Turn] = ()
    ) -> tuple[tuple[int, ...], bool]:
        """`question`, and whether anything was cut to make it fit.

        What is too long loses its oldest turns, then the middle of the instruction. A base
        without a system turn reads the system text at the head of the first question.
        """
        turns = [*before, ("user", instruction)]
        if before and before[0][0] == "system" and not self.hears_system:
            turns[:2] = [("user", f"{turns[0][1]}\n\n{turns[1][1]}")]
        frame = self._frame(tuple(role for role, _ in turns[:-1]))
        bodies = [self.encode(text) for _, text in turns]
        others = sum(map(len, frame)) + sum(map(len, bodies[:-1]))
        space = max(0, room - others)
        if before and len(bodies[-1]) > space:
            kept = 1 if before[0][0] == "system" and len(before) > 1 else 0
            return self.fitted(instruction, room, (*before[:kept], *before[kept + 2 :]))[0], True
        cut = len(bodies[-1]) > space
        if cut:
            front = space // 2
            last = bodies[-1]
            bodies[-1] = last[:front] + last[len(last) - (space - front) :]
        ids = [token for piece, body in zip(frame, bodies, strict=False) for token in piece + body]
        return (*ids, *frame[-1]), cut

    def answer(self, response: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Ids of the anchor line (empty if there is none) and of the rest with the end token."""
        first, newline, rest = response.partition("\n")
        if newline and ANCHOR.match(first):
            return self.encode(first + "\n"), (*self.encode(rest), self.end)
        return (), (*self.encode(response), self.end)


def make_sample(
    chat: Chat,
    instruction: str,
    response: str,
    max_length: int,
    *,
    wording_only: bool = False,
    prompt_weight: float = 0.0,
    before: Sequence[Turn] = (),
) -> Sample | None:
    """Join question and answer; None where the answer leaves no room for a question.

    The end token is learned. `wording_only` leaves the decision and the anchor unlearned.
    `prompt_weight`: of a token of the question, as a share of a token of the answer.
    """
    anchor, rest = chat.answer(response)
    room = max_length - len(anchor) - len(rest)
    if room < max_length // 4:
        return None
    question, trimmed = chat.fitted(instruction, room, before)
    ids = (*question, *anchor, *rest)
    answer = _weights(anchor, rest, response, wording_only)
    # the first token stands behind nothing, in a packed row behind another sample
    asked = (0.0, *[prompt_weight * answer[-1]] * (len(question) - 1))
    weights = (*asked, *answer)
    return Sample(
        ids=ids,
        labels=tuple(
            token if weight else IGNORE for token, weight in zip(ids, weights, strict=True)
        ),
        weights=weights,
        trimmed=trimmed,
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


def make_samples(
    chat: Chat, pairs: Sequence[Pair], max_length: int, prompt_weight: float = 0.0
) -> Encoded:
    """Samples of the pairs in their order.

    Pairs from elsewhere, whose answers have no anchor, weigh a token by one over their mean
    length: their loss is in nats a token.
    """
    made: list[Sample] = []
    for pair in pairs:
        sample = make_sample(
            chat,
            pair.instruction,
            pair.response,
            max_length,
            wording_only=not pair.located,
            prompt_weight=prompt_weight,
            before=pair.before if isinstance(pair, ForeignPair) else (),
        )
        if sample is not None:
            made.append(msgspec.structs.replace(sample, name=pair.id))
    foreign = [pair.id for pair in pairs if not pair.template]
    return Encoded(samples=_evened(made, set(foreign)), without_room=len(pairs) - len(made))


def _evened(samples: list[Sample], foreign: set[str]) -> list[Sample]:
    lengths = [sample.learned for sample in samples if sample.name in foreign]
    if not lengths:
        return samples
    mean = sum(lengths) / len(lengths)
    return [
        msgspec.structs.replace(sample, weights=tuple(w / mean for w in sample.weights))
        if sample.name in foreign
        else sample
        for sample in samples
    ]


def _written_frame(tokenizer: "PreTrainedTokenizerBase", roles: tuple[str, ...]) -> str:
    """The text around the turns: the chat template's, or a plain one where there is none."""
    turns = [{"role": role, "content": BODY} for role in (*roles, "user")]
    if not tokenizer.chat_template:
        names = {"user": "Instruction", "assistant": "Response", "system": "System"}
        written = "".join(f"### {names[t['role']]}:\n{BODY}\n\n" for t in turns)
        return f"{written}### Response:\n"
    silent = [] if "system" in roles else [{"role": "system", "content": ""}]
    options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True}
    with suppress(jinja2.TemplateError):  # templates without a system turn raise
        return str(tokenizer.apply_chat_template([*silent, *turns], **options))
    try:
        return str(tokenizer.apply_chat_template(turns, **options))
    except jinja2.TemplateError as error:
        who = ", ".join(str(turn["role"]) for turn in turns)
        raise ModelError(f"the base's chat template refuses turns of {who}: {error}") from error


def _hears_system(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the base's way of writing a talk has room for a system text."""
    try:
        return _written_frame(tokenizer, ("system",)).count(BODY) == 2
    except ModelError:
        return False
