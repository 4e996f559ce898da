"""transformers and peft in this process, on CPU or GPU. One thread may use it at a time.

An adapter is verified before it is loaded: hashes, base, template, finite values.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch

from finetune.base_model import BaseModel
from finetune.cards import check_weights, load_card
from finetune.engines.last_questions import LastQuestions
from finetune.engines.prefix_tree import PrefixTree, grow_tree, see, split_lines
from finetune.engines.repetition import RepeatsItself, cut_repetition
from finetune.engines.shared_prefix import common_prefix, read_on, read_prefix
from finetune.loaded_base import Precision, computed_in, load_base, load_tokenizer, pick_device
from finetune.training.batches import collate
from finetune.training.lora import load_lora
from finetune.training.losses import answer_losses, head_logits, picked_log_probabilities
from finetune.training.samples import IGNORE, Chat, Sample, make_sample
from postil.answer import Anchor
from postil.errors import AdapterError
from postil.records import AdapterCard

BATCH_TOKENS = 4096
"""Padded tokens of one pass: what is read on a GPU, and what is written together."""

CACHED_TOKENS = 1024
"""The same of what is read on a CPU: more falls out of its caches, and costs a fifth more."""

TREE_TOKENS = 512
"""Tokens of answers read behind one question at once, or as many as the question has."""


class LocalEngine:
    """An Engine (see the protocol) over one base and at most one adapter."""

    def __init__(
        self,
        base: BaseModel,
        adapter: Path | None,
        *,
        precision: Precision = "bf16",
        max_length: int = 1024,
        device: str | None = None,
        card: AdapterCard | None = None,
    ) -> None:
        """`card`: of an adapter that is still being made and has none in its folder yet."""
        device = device or pick_device()
        precision = computed_in(precision, device)
        if adapter is None:
            model: Any = load_base(base, precision, device)
        else:
            model = _load_adapted(base, precision, device, adapter, card or load_card(adapter))
        self._take(model, Chat(load_tokenizer(base)), device, max_length)

    @classmethod
    def over(cls, model: Any, chat: Chat, device: str, max_length: int) -> "LocalEngine":
        """An engine over a model that is loaded already, as it is now."""
        engine = cls.__new__(cls)
        engine._take(model, chat, device, max_length)
        return engine

    def _take(self, model: Any, chat: Chat, device: str, max_length: int) -> None:
        self.model, self.chat, self.device, self.max_length = model, chat, device, max_length
        self._most = CACHED_TOKENS if device == "cpu" else BATCH_TOKENS
        self.model.eval()
        tuned = hasattr(self.model, "peft_config")
        self._causal = self.model.get_base_model() if tuned else self.model
        self._backbone = getattr(self._causal, self._causal.base_model_prefix)
        self._last = LastQuestions(self._backbone, device)

    @torch.inference_mode()
    def score(self, instructions: Sequence[str]) -> list[float]:
        """Speak log-odds of each question; see the protocol."""
        questions = [self.chat.question(text, self.max_length) for text in instructions]
        scores = [0.0] * len(questions)
        speaking = sorted(set(self.chat.speaking))
        prefix = common_prefix(questions)
        kept = read_prefix(self._backbone, prefix, self.device)
        past = len(prefix) if kept is not None else 0
        for group in _batched([question[past:] for question in questions], self._most):
            hidden = self._last_hidden([questions[at][past:] for at in group], kept, past)
            logits = head_logits(self._causal, hidden, (self.chat.silent, *speaking))
            odds = logits[:, 1:].logsumexp(dim=-1) - logits[:, 0]
            for at, value in zip(group, odds.tolist(), strict=True):
                scores[at] = value
        return scores

    def _last_hidden(
        self, questions: Sequence[Sequence[int]], kept: Any, past: int
    ) -> torch.Tensor:
        """Hidden state at the last token of each question, (B, H), behind what is kept."""
        lengths = [len(question) for question in questions]
        ids = torch.zeros((len(questions), max(lengths)), dtype=torch.long)
        for row, question in enumerate(questions):
            ids[row, : len(question)] = torch.tensor(question)
        hidden = read_on(self._backbone, ids.to(self.device), kept, past)
        return hidden[torch.arange(len(questions)), torch.tensor(lengths) - 1]

    @torch.inference_mode()
    def anchor_scores(self, instruction: str, allowed: Sequence[Anchor]) -> list[float]:
        """Log-probability of each whole anchor line; the question is read once."""
        question = self.chat.question(instruction, self.max_length)
        return self._likely(question, [self.chat.encode(f"{anchor}\n") for anchor in allowed])

    def _likely(self, question: Sequence[int], lines: Sequence[Sequence[int]]) -> list[float]:
        """Log-probability of each line of tokens behind one question."""
        found: list[float] = []
        for some in split_lines(lines, max(TREE_TOKENS, len(question))):
            tree = grow_tree(some)
            hidden = self._behind(question, tree)
            likely = picked_log_probabilities(self._causal, hidden, tree.wanted(some))
            found += [sum(likely[one] for one in steps) for steps in tree.steps(some)]
        return found

    def _behind(self, question: Sequence[int], tree: PrefixTree) -> torch.Tensor:
        """Hidden states (1 + N, H): at the question's end, then at each node of the tree."""
        mask, positions = see(tree, len(question), self.model.dtype)
        read, past = self._last.read(question), len(question)
        if read is None:
            return self._see([*question, *tree.tokens], mask, positions)[past - 1 :]
        end, kept = read
        if not tree.tokens:
            return end
        nodes = self._see(tree.tokens, mask[:, :, past:], positions[:, past:], kept)
        return torch.cat([end, nodes])

    def _see(
        self, ids: Sequence[int], mask: torch.Tensor, positions: torch.Tensor, kept: Any = None
    ) -> torch.Tensor:
        """Hidden states (T, H) of T tokens that see what the mask lets them, after what is kept."""
        hidden: torch.Tensor = self._backbone(
            input_ids=torch.tensor([list(ids)]).to(self.device),
            attention_mask=mask.to(self.device),
            position_ids=positions.to(self.device),
            past_key_values=kept,
            use_cache=kept is not None,
        ).last_hidden_state
        return hidden[0]

    @torch.inference_mode()
    def write(
        self, instructions: Sequence[str], anchors: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        """Greedy text after each anchor line, without the end token, cut where it repeats."""
        prompts = [
            (
                *self.chat.question(text, self.max_length - max_tokens),
                *self.chat.encode(f"{anchor}\n"),
            )
            for text, anchor in zip(instructions, anchors, strict=True)
        ]
        return self._go_on(prompts, max_tokens)

    @torch.inference_mode()
    def complete(self, prompts: Sequence[str], max_tokens: int) -> list[str]:
        """Answers to plain questions, framed as a user's turn; see the Complete protocol."""
        room = self.max_length - max_tokens
        written = self._go_on([self.chat.question(text, room) for text in prompts], max_tokens)
        return [text.partition("\n\n")[0] for text in written]

    def _go_on(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> list[str]:
        """Greedy text after each prompt, without the end token, cut where it repeats."""
        texts = [""] * len(prompts)
        for group in _batched(prompts, BATCH_TOKENS):
            width = max(len(prompts[at]) for at in group)
            ids = torch.zeros((len(group), width), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, at in enumerate(group):
                ids[row, width - len(prompts[at]) :] = torch.tensor(prompts[at])
                mask[row, width - len(prompts[at]) :] = 1
            written = self.model.generate(
                input_ids=ids.to(self.device),
                attention_mask=mask.to(self.device),
                max_new_tokens=max_tokens,
                do_sample=False,
                stopping_criteria=[RepeatsItself(self.chat.tokenizer, width)],
                eos_token_id=self.chat.end,
                pad_token_id=self.chat.end,
            )
            for at, row in zip(group, written[:, width:].tolist(), strict=True):
                ended = row[: row.index(self.chat.end)] if self.chat.end in row else row
                texts[at] = cut_repetition(str(self.chat.tokenizer.decode(ended)))
        return texts

    @torch.inference_mode()
    def loss(
        self, instructions: Sequence[str], responses: Sequence[str]
    ) -> list[tuple[float, int]]:
        """Nats and tokens of each whole answer; (0, 0) where it has no room.

        A question that comes with several answers, or was read last, is read once for all.
        """
        made = [
            make_sample(self.chat, question, answer, self.max_length)
            for question, answer in zip(instructions, responses, strict=True)
        ]
        found: list[tuple[float, int]] = [(0.0, 0)] * len(made)
        asked: dict[tuple[int, ...], list[tuple[int, Sample]]] = {}
        for at, sample in enumerate(made):
            if sample is not None:
                question = sample.ids[: len(sample.ids) - sample.learned]
                asked.setdefault(question, []).append((at, sample))
        apart = {q for q, some in asked.items() if len(some) == 1 and not self._last.holds(q)}
        alone = [asked[question][0] for question in apart]
        losses = self._likelihoods([sample for _, sample in alone])
        for (at, _), loss in zip(alone, losses, strict=True):
            found[at] = loss
        for question, several in asked.items():
            if question not in apart:
                lines = [sample.ids[len(question) :] for _, sample in several]
                likely = self._likely(question, lines)
                for (at, sample), value in zip(several, likely, strict=True):
                    found[at] = (-value, sample.learned)
        return found

    @torch.inference_mode()
    def plain_loss(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        """Nats and tokens of plain texts; see the protocol."""
        made = []
        for text in texts:
            ids = self.chat.encode(text)[: self.max_length]
            labels = (IGNORE, *ids[1:])
            made.append(Sample(ids=ids, labels=labels, weights=(1.0,) * len(ids)))
        return self._likelihoods([sample if sample.learned else None for sample in made])

    def _likelihoods(self, made: Sequence[Sample | None]) -> list[tuple[float, int]]:
        """Nats and learned tokens of each sample; (0, 0) for None."""
        found: list[tuple[float, int]] = [(0.0, 0)] * len(made)
        for group in _batched([sample.ids if sample else () for sample in made], self._most):
            here = [(at, sample) for at in group if (sample := made[at]) is not None]
            if not here:
                continue
            losses, _ = answer_losses(self.model, collate([s for _, s in here], self.device))
            parts = torch.split(losses, [sample.learned for _, sample in here])
            for (at, sample), part in zip(here, parts, strict=True):
                found[at] = (float(part.sum()), sample.learned)
        return found


def check_base(adapter: Path, card: AdapterCard, base: BaseModel) -> None:
    """Refuse an adapter of another base, or whose weights are not finite."""
    if card.base_sha256 != base.sha256:
        raise AdapterError(
            f"{adapter}: trained on {card.base} ({card.base_sha256[:12]}), not on this"
            f" {base.name} ({base.sha256[:12]}); use its own base"
        )
    check_weights(adapter)


def put_on(model: Any, adapter: Path, name: str = "default") -> Any:
    """`load_lora` of a verified adapter; AdapterError in one line where it does not fit."""
    try:
        return load_lora(model, adapter, name)
    except (RuntimeError, ValueError, KeyError) as error:
        reason = str(error).split("\n", 1)[0]
        raise AdapterError(f"{adapter}: does not fit its base: {reason}") from error


def _load_adapted(
    base: BaseModel, precision: Precision, device: str, adapter: Path, card: AdapterCard
) -> Any:
    """The base with the adapter on it; a fully tuned model takes the base's place."""
    check_base(adapter, card, base)
    if card.mode == "full":
        return load_base(msgspec.structs.replace(base, folder=adapter), precision, device)
    return put_on(load_base(base, precision, device), adapter)


def _batched(rows: Sequence[Sequence[int]], most: int) -> Iterator[list[int]]:
    """Indexes in length-sorted groups of at most so many padded tokens."""
    group: list[int] = []
    for at in sorted(range(len(rows)), key=lambda at: len(rows[at])):
        if group and len(rows[at]) * (len(group) + 1) > most:
            yield group
            group = []
        group.append(at)
    if group:
        yield group
