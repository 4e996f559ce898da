"""The optimisation loop: samples -> the best weights seen, by held-out loss.

Logits are computed only where labels are. Low-rank weights compute in bf16; their fp32 masters
are one vector, so that the optimiser is one call and not thousands of small ones. One step sees
`batch` samples, in micro-batches of at most `MICRO_TOKENS` padded tokens. Not finite means stop:
the step and its batch are named.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import torch
from torch.nn import functional

from finetune.samples import IGNORE, Sample
from postil.errors import TrainingError
from postil.settings import TrainSettings

MICRO_TOKENS = 4096
"""Padded tokens of one forward pass; bounds the memory of activations."""

CLIP = 1.0
"""Largest gradient norm of a step."""

POOL = 8
"""Batches whose samples are sorted by length together."""

Report = Callable[[int, int, float, float | None], None]


class Progressed(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did. Losses are weighted means a sample."""

    steps: int
    tokens: int
    seconds: float
    best_step: int
    best_loss: float
    first_loss: float


def collate(samples: Sequence[Sample], device: str) -> tuple[torch.Tensor, ...]:
    """Right-pad to ids, labels (B, T) int64 and weights (B, T) float32.

    No attention mask is needed: attention is causal, so nothing learned ever looks at padding.
    Labels are masked by position, never by token id: the pad token may equal the end token.
    """
    width = max(len(sample.ids) for sample in samples)
    ids = torch.zeros((len(samples), width), dtype=torch.long)
    labels = torch.full((len(samples), width), IGNORE)
    weights = torch.zeros((len(samples), width))
    for row, sample in enumerate(samples):
        length = len(sample.ids)
        ids[row, :length] = torch.tensor(sample.ids)
        labels[row, :length] = torch.tensor(sample.labels)
        weights[row, :length] = torch.tensor(sample.weights)
    return tuple(part.to(device) for part in (ids, labels, weights))


def answer_losses(model: Any, batch: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy in nats at every learned position, (N,), and its weights, (N,).

    The head runs on those positions only; with a 49k vocabulary, logits of all positions would
    cost gigabytes.
    """
    ids, labels, weights = batch
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    backbone = getattr(causal, causal.base_model_prefix)
    hidden = backbone(input_ids=ids, use_cache=False).last_hidden_state
    learned = labels[:, 1:] != IGNORE
    logits = head_logits(causal, hidden[:, :-1][learned])
    losses = functional.cross_entropy(logits, labels[:, 1:][learned], reduction="none")
    return losses, weights[:, 1:][learned]


def head_logits(
    causal: Any, hidden: torch.Tensor, tokens: Sequence[int] | None = None
) -> torch.Tensor:
    """Float32 logits of chosen hidden states, with the scaling that some families put behind.

    Of all tokens, or of a few: those are computed in float32, where bfloat16 would round logits
    of 16 to steps of an eighth and make ties of what differs.
    """
    head = causal.get_output_embeddings()
    if tokens is None:
        logits: torch.Tensor = head(hidden).float()
    else:
        rows = list(tokens)
        bias = None if head.bias is None else head.bias[rows].float()
        logits = functional.linear(hidden.float(), head.weight[rows].float(), bias)
    cap = getattr(causal.config, "final_logit_softcapping", None)
    if cap:
        logits = cap * torch.tanh(logits / cap)
    logits = logits / (getattr(causal.config, "logits_scaling", None) or 1.0)
    return logits * (getattr(causal.config, "logit_scale", None) or 1.0)


def micro_batches(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Length-sorted groups of at most MICRO_TOKENS padded tokens, at least one sample each."""
    group: list[Sample] = []
    for sample in sorted(samples, key=lambda sample: len(sample.ids)):
        if group and len(sample.ids) * (len(group) + 1) > MICRO_TOKENS:
            yield group
            group = []
        group.append(sample)
    if group:
        yield group


@torch.no_grad()
def held_out_loss(model: Any, samples: Sequence[Sample], device: str) -> float:
    """Mean loss a sample, weighted as in training: what is stopped on is what is learned.

    The plain loss a token is mostly wording, which stops improving long before the decision to
    speak does.
    """
    model.eval()
    total = 0.0
    for group in micro_batches(samples):
        losses, weights = answer_losses(model, collate(group, device))
        total += float((losses * weights).sum())
    model.train()
    return total / max(1, len(samples))


class Loop:
    """One run over one model."""

    def __init__(self, model: Any, settings: TrainSettings, device: str, metrics: Path) -> None:
        self.model, self.settings, self.device, self.metrics = model, settings, device, metrics
        self.live = [p for p in model.parameters() if p.requires_grad]
        self.master = torch.cat([p.detach().float().flatten() for p in self.live])
        self.optimizer = _make_optimizer(self.master, settings.learning_rate, device)
        self.best: torch.Tensor | None = None

    def run(
        self, train: Sequence[Sample], held_out: Sequence[Sample], report: Report
    ) -> Progressed:
        """Train with early stopping on `held_out`; leaves the best weights in the model."""
        steps = max(1, round(self.settings.epochs * len(train) / self.settings.batch))
        every = max(1, round(len(train) / self.settings.batch / self.settings.evaluations))
        started, tokens, stale, best = time.monotonic(), 0, 0, (math.inf, 0)
        first = held_out_loss(self.model, held_out, self.device) if held_out else math.nan
        step = 0
        for step, batch in enumerate(_batches(train, self.settings, steps), 1):
            loss = self._step(batch, step, steps)
            tokens += sum(len(sample.ids) for sample in batch)
            measured: float | None = None
            if held_out and (step % every == 0 or step == steps):
                measured = held_out_loss(self.model, held_out, self.device)
                improved = measured < best[0]
                stale = 0 if improved else stale + 1
                if improved:
                    best = (measured, step)
                    self.best = self.master.clone()
            self._write(step=step, loss=loss, held_out=measured, tokens=tokens)
            report(step, steps, loss, measured)
            if stale >= self.settings.patience:
                break
        if self.best is not None:
            self._publish(self.best)
        return Progressed(
            steps=step,
            tokens=tokens,
            seconds=time.monotonic() - started,
            best_step=best[1] or step,
            best_loss=best[0],
            first_loss=first,
        )

    def _step(self, batch: Sequence[Sample], step: int, steps: int) -> float:
        """One update; its mean weighted loss a sample."""
        total = 0.0
        for group in micro_batches(batch):
            losses, weights = answer_losses(self.model, collate(group, self.device))
            loss = (losses * weights).sum() / len(batch)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        self.master.grad = torch.cat([_gradient(p).float().flatten() for p in self.live])
        self.model.zero_grad(set_to_none=True)
        norm = float(torch.nn.utils.clip_grad_norm_(self.master, CLIP))
        if not (math.isfinite(total) and math.isfinite(norm)):
            lengths = [len(sample.ids) for sample in batch]
            raise TrainingError(
                f"step {step}: loss {total} or gradient {norm} is not finite, in a batch of"
                f" {len(batch)} samples of {lengths} tokens; lower train.learning_rate"
            )
        for group_settings in self.optimizer.param_groups:
            group_settings["lr"] = self.settings.learning_rate * _schedule(
                step, steps, self.settings.warmup
            )
        self.optimizer.step()
        self._publish(self.master)
        return total

    @torch.no_grad()
    def _publish(self, values: torch.Tensor) -> None:
        """Round the master's values into the weights that compute."""
        parts = torch.split(values, [p.numel() for p in self.live])
        for part, live in zip(parts, self.live, strict=True):
            live.copy_(part.view_as(live))

    def _write(self, **values: object) -> None:
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


def _schedule(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up over a share of the steps, then a cosine down to a tenth."""
    rising = max(1.0, warmup * steps)
    if step < rising:
        return step / rising
    done = (step - rising) / max(1.0, steps - rising)
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def _batches(
    train: Sequence[Sample], settings: TrainSettings, steps: int
) -> Iterator[list[Sample]]:
    """`steps` batches of like lengths; every epoch shuffles anew from the seed.

    Within a pool of some batches samples are sorted by their question, so little padding is
    computed. Answers do not count: a batch of short ones would hold nothing but silences.
    """
    rng = Random(settings.seed)  # noqa: S311 - an order, not a secret
    order: list[Sample] = []
    ready: list[list[Sample]] = []
    for _ in range(steps):
        if not ready:
            while len(order) < settings.batch * POOL:
                order += rng.sample(train, len(train))
            pool = sorted(order[: settings.batch * POOL], key=_question_length)
            order = order[settings.batch * POOL :]
            ready = [pool[i * settings.batch :][: settings.batch] for i in range(POOL)]
            rng.shuffle(ready)
        yield ready.pop()


def _question_length(sample: Sample) -> int:
    return len(sample.ids) - sample.learned


def _gradient(parameter: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _make_optimizer(master: torch.Tensor, rate: float, device: str) -> torch.optim.Optimizer:
    """AdamW; on a GPU bitsandbytes' paged 8-bit one, as QLoRA prescribes."""
    if device == "cuda":
        from bitsandbytes.optim import adamw

        paged: Any = adamw.PagedAdamW8bit
        optimizer: torch.optim.Optimizer = paged([master], lr=rate, weight_decay=0.0)
        return optimizer
    return torch.optim.AdamW([master], lr=rate, weight_decay=0.0, fused=True)
