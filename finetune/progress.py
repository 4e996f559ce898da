"""What a person sees of a run on stderr: the plan, its progress, and what it gave."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from finetune.loop import Report
    from finetune.making import Made
    from finetune.train import Plan

LINES = 20
"""Lines of a whole run in a log file."""


def plan_text(plan: Plan) -> str:
    """What a run will do, in a few lines."""
    share = plan.trainable / plan.total
    return (
        f"{plan.mode} on {plan.device}: {plan.trainable:,} of {plan.total:,} parameters train"
        f" ({share:.2%}); the adapter takes {plan.adapter_mb:.1f} MB\n"
        f"{plan.pairs} pairs"
        + (f", {plan.copies} of them copies" if plan.copies else "")
        + f" ({plan.tokens:,} tokens an epoch), {plan.held_out} held out, {plan.steps} steps"
        + (f"; {plan.without_room} pairs had no room" if plan.without_room else "")
    )


def made_text(made: Made) -> str:
    """What a run gave, in a few lines."""
    done, gate = made.done, made.gate
    lines = [
        f"held-out loss {done.first_loss:.3f} before, {done.best_loss:.3f} at step"
        f" {done.best_step} of {done.steps} (weighted as in training)",
        f"{done.tokens:,} tokens in {done.seconds:.0f} s",
    ]
    if gate is not None:
        lines.append(gate.note)
    return "\n".join([*lines, *made.copies.lines(), f"adapter {made.folder}"])


@contextmanager
def show_run(plan: Plan) -> Iterator[Report]:
    """Print the plan, then a bar with loss and time left; lines where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    console.print(plan_text(plan))
    if not console.is_terminal:
        yield _lines(sys.stderr, time.monotonic)
        return
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3f}, held out {task.fields[held_out]:.3f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=plan.steps, loss=float("nan"), held_out=float("nan"))

        def report(step: int, steps: int, loss: float, held_out: float | None) -> None:
            bar.update(task, completed=step, total=steps, loss=loss)
            if held_out is not None:
                bar.update(task, held_out=held_out)

        yield report


def _lines(out: TextIO, clock: Callable[[], float]) -> Report:
    """A report that writes a line at every twentieth of the steps, and at each held-out loss.

    For log files, where a bar would show nothing until its end.
    """
    started = clock()

    def report(step: int, steps: int, loss: float, held_out: float | None) -> None:
        if step % max(1, steps // LINES) and held_out is None and step != steps:
            return
        left = (clock() - started) / step * (steps - step)
        measured = "" if held_out is None else f", held out {held_out:.3f}"
        out.write(f"training {step}/{steps}: loss {loss:.3f}{measured}, {left / 60:.0f} min left\n")
        out.flush()

    return report


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """A bar a stage, on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, Any] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield progress
