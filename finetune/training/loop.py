"""The optimisation loop: samples -> the best weights seen, by held-out loss.

One step sees `batch` samples in forward passes of at most `micro_tokens` tokens. Every random draw
of a step follows from seed, process and step, so a run that goes on from a checkpoint takes the
steps it would have taken. Not finite, or exploded, means stop: the step and its batch are named.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
import torch

from finetune.training.batches import batches, read_pass
from finetune.training.checkpoints import Checkpoints
from finetune.training.held_out import held_out_loss
from finetune.training.interrupts import Interrupts
from finetune.training.losses import answer_losses
from finetune.training.masters import Masters, schedule
from finetune.training.samples import Sample
from finetune.training.team import Team
from postil.errors import StoppedError, TrainingError
from postil.settings import TrainSettings

CLIP = 1.0
"""Largest gradient norm of a step."""

EXPLODED = 1000.0
"""Times the median norm of the steps before: no clipping makes a useful step of that."""

REMEMBERED = 32
"""Norms the median is of; the first few are not judged."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What one step did. Losses are weighted means a sample."""

    step: int
    steps: int
    loss: float
    held_out: float | None
    rate: float
    norm: float
    tokens: int
    """Read since the beginning, padding not counted."""
    seconds: float
    """Spent since the beginning."""


Report = Callable[[Step], None]


class Progressed(msgspec.Struct, kw_only=True):
    """Where a run is, and what it gave."""

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    best_step: int = 0
    best_loss: float = math.inf
    first_loss: float = math.nan
    stale: int = 0
    """Held-out evaluations since the best one."""
    finished: int = 0
    """1 once no steps are left; a number, as all that a checkpoint keeps."""


class Loop:
    """One run over one model."""

    def __init__(
        self,
        model: Any,
        settings: TrainSettings,
        team: Team | None = None,
        *,
        packed: bool = False,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.model, self.settings, self.packed = model, settings, packed
        self.team = team or Team()
        self.checkpoints = checkpoints if self.team.leads else None
        self.masters = Masters(model, settings, self.team.device)
        self.best: torch.Tensor | None = None
        self.norms: list[float] = []
        self.at = Progressed()

    def resume(self, checkpoints: Checkpoints) -> bool:
        """Go on from the newest whole checkpoint; False where there is none."""
        found = checkpoints.newest()
        if found is None:
            return False
        tensors, saved = found
        best = tensors.pop("best", None)
        own = {field.name for field in msgspec.structs.fields(Progressed)}
        at = {name: value for name, value in saved.numbers.items() if name in own}
        self.masters.restore(tensors, {k: v for k, v in saved.numbers.items() if k not in own})
        self.best = None if best is None else best.to(self.masters.values.device)
        self.norms = list(saved.norms)
        self.at = msgspec.convert(at, Progressed, strict=False)
        return True

    def run(
        self, train: Sequence[Sample], held_out: Sequence[Sample], report: Report
    ) -> Progressed:
        """Train with early stopping on `held_out`; leaves the best weights in the model.

        StoppedError after a signal, once the state is saved.
        """
        steps = max(1, round(self.settings.epochs * len(train) / self.settings.batch))
        every = max(1, round(len(train) / self.settings.batch / self.settings.evaluations))
        saved = time.monotonic()
        if held_out and not self.at.steps:
            self.at.first_loss = self._held_out_loss(held_out)
        with Interrupts() as interrupts:
            for step, batch in self._remaining(train, steps):
                started = time.monotonic()
                done = self._step(batch, step, steps)
                if held_out and (step % every == 0 or step == steps):
                    done = msgspec.structs.replace(done, held_out=self._measure(held_out, step))
                self.at.seconds += time.monotonic() - started
                report(msgspec.structs.replace(done, seconds=self.at.seconds))
                if self.at.stale >= self.settings.patience:
                    break
                if self._stopping(interrupts):
                    self._save()
                    self.team.meet()  # who leaves earlier has the launcher kill the one that saves
                    raise StoppedError(
                        f"stopped at step {step} of {steps}, which is saved;"
                        " run the same command again to go on"
                    )
                if time.monotonic() - saved >= 60 * self.settings.save_minutes:
                    self._save()
                    saved = time.monotonic()
        self.at.finished = 1
        self._save()
        if self.best is not None:
            self.masters.publish(self.best)
        return self.at

    def _remaining(self, train: Sequence[Sample], steps: int) -> Iterator[tuple[int, list[Sample]]]:
        """The batches not yet seen, with their steps; none where the run had stopped early."""
        if not self.at.finished:
            order = batches(train, self.settings.batch, self.settings.seed)
            yield from enumerate(islice(order, self.at.steps, steps), self.at.steps + 1)

    def _step(self, batch: Sequence[Sample], step: int, steps: int) -> Step:
        """One update."""
        torch.manual_seed(draw_seed(self.settings.seed, self.team.rank, step))
        total = torch.zeros(1, dtype=torch.float64)
        for group in self.team.passes(batch, self.settings.micro_tokens, packed=self.packed):
            losses, weights = answer_losses(
                self.model, read_pass(group, self.team.device, packed=self.packed)
            )
            loss = (losses * weights).sum() / len(batch)
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach().cpu()
        gradients = self.team.add_up(self.masters.gradients())
        mean = float(self.team.add_up(total.to(gradients.device)))
        norm = float(gradients.norm())
        self._check(mean, norm, step, batch)
        if norm > CLIP:
            gradients *= CLIP / norm
        rate = self.settings.learning_rate * schedule(
            self.settings.schedule, step, steps, self.settings.warmup
        )
        self.masters.step(gradients, rate)
        self.at.steps = step
        self.at.tokens += sum(len(sample.ids) for sample in batch)
        return Step(
            step=step,
            steps=steps,
            loss=mean,
            held_out=None,
            rate=rate,
            norm=norm,
            tokens=self.at.tokens,
            seconds=0.0,
        )

    def _check(self, loss: float, norm: float, step: int, batch: Sequence[Sample]) -> None:
        """TrainingError, with the batch, where this step's gradient is no direction to go in."""
        usual = statistics.median(self.norms) if len(self.norms) >= REMEMBERED // 4 else math.inf
        fault = ""
        if not (math.isfinite(loss) and math.isfinite(norm)):
            fault = f"loss {loss} or gradient {norm} is not finite"
        elif norm > EXPLODED * max(usual, CLIP):
            fault = f"the gradient exploded: its norm is {norm:.3g}, {usual:.3g} was usual"
        if fault:
            lengths = [len(sample.ids) for sample in batch]
            names = ", ".join(sample.name for sample in batch if sample.name)
            raise TrainingError(
                f"step {step}: {fault}, in a batch of {len(batch)} samples of {lengths} tokens"
                + (f" (pairs {names})" if names else "")
                + "; lower train.learning_rate, or drop the pairs"
            )
        self.norms = [*self.norms[1 - REMEMBERED :], norm]

    def _held_out_loss(self, samples: Sequence[Sample]) -> float:
        most, packed = self.settings.micro_tokens, self.packed
        return held_out_loss(self.model, samples, self.team, most=most, packed=packed)

    def _measure(self, held_out: Sequence[Sample], step: int) -> float:
        measured = self._held_out_loss(held_out)
        self.at.stale += 1
        if measured < self.at.best_loss:
            self.at.best_loss, self.at.best_step, self.at.stale = measured, step, 0
            self.best = self.masters.values.clone()
        return measured

    def _stopping(self, interrupts: Interrupts) -> bool:
        """Whether any process was asked to stop; they stop together."""
        asked = torch.tensor([float(interrupts.asked)], device=self.team.device)
        return bool(self.team.add_up(asked))

    def _save(self) -> None:
        """A checkpoint. A disk that refuses is said, and the run goes on: it may end well."""
        if self.checkpoints is None:
            return
        tensors, numbers = self.masters.state()
        if self.best is not None:
            tensors["best"] = self.best
        at = numbers | msgspec.structs.asdict(self.at)
        told = {name: value for name, value in at.items() if math.isfinite(value)}
        self.checkpoints.keep(self.at.steps, tensors, told, tuple(self.norms))


def draw_seed(*parts: int) -> int:
    """One number below 2^63 of several."""
    seed = 0
    for part in parts:
        seed = (seed * 1_000_003 + part) % (1 << 63)
    return seed
