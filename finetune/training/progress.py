"""What a person sees of a run on stderr: the plan, its progress, and what it gave."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from finetune.making import Made
    from finetune.training.loop import Report, Step
    from finetune.training.train import Plan


LINES = 20
"""Lines of a whole run in a log file."""


def plan_text(plan: Plan) -> str:
    """What a run will do, in a few lines."""
    share = plan.trainable / plan.total
    copies = f", {plan.copies} of them copies" if plan.copies else ""
    lines = [
        f"{plan.mode} in {plan.dtype} on {plan.device}: {plan.trainable:,} of {plan.total:,}"
        f" parameters train ({share:.2%}); the adapter takes {plan.adapter_mb:.1f} MB",
        f"{plan.pairs} pairs{copies} ({plan.tokens:,} tokens an epoch), {plan.held_out} held out,"
        f" {plan.steps} steps; samples are {'packed' if plan.packed else 'padded'}",
    ]
    if plan.without_room or plan.trimmed:
        lines.append(
            f"too long: {plan.trimmed} questions lose their oldest turns or their middle,"
            f" {plan.without_room} pairs had no room"
        )
    if plan.estimate is not None:
        lines.append(
            f"takes {plan.estimate.peak / 1e9:.2f} GB of memory, the libraries' included, and at"
            f" most {shown_time(plan.estimate.seconds)}"
        )
    if plan.done:
        lines.append(f"goes on after step {plan.done} of an interrupted run")
    return "\n".join(lines)


def shown_time(seconds: float) -> str:
    """Minutes, or hours and minutes, or seconds where there are few."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"


def made_text(made: Made) -> str:
    """What a run gave, in a few lines."""
    done, gate = made.done, made.gate
    lines = [
        f"held-out loss {done.first_loss:.3f} before, {done.best_loss:.3f} at step"
        f" {done.best_step} of {done.steps} (weighted as in training)",
        f"{done.tokens:,} tokens in {shown_time(done.seconds)}; curves in {made.run}",
    ]
    if gate is not None:
        lines.append(gate.note)
    return "\n".join([*lines, *made.copies.lines(), f"adapter {made.folder}"])


@contextmanager
def show_run(plan: Plan) -> Iterator[Report]:
    """Print the plan, then a bar with loss, speed and time left; lines where stderr is no
    terminal. Of several processes one speaks."""
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
        yield _lines(sys.stderr)
        return
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3f}, held out {task.fields[held_out]:.3f}"),
        TextColumn("{task.fields[speed]:.0f} tokens/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        nan = float("nan")
        task = bar.add_task(
            "training", total=plan.steps, completed=plan.done, loss=nan, held_out=nan, speed=nan
        )

        def report(done: Step) -> None:
            bar.update(task, completed=done.step, loss=done.loss, speed=_speed(done))
            if done.held_out is not None:
                bar.update(task, held_out=done.held_out)

        yield report


def _speed(done: Step) -> float:
    return done.tokens / done.seconds if done.seconds else 0.0


def _lines(out: TextIO) -> Report:
    """A report that writes a line at every twentieth of the steps, and at each held-out loss.

    For log files, where a bar would show nothing until its end.
    """

    def report(done: Step) -> None:
        step, steps, held_out = done.step, done.steps, done.held_out
        if step % max(1, steps // LINES) and held_out is None and step != steps:
            return
        left = done.seconds / step * (steps - step)
        measured = "" if held_out is None else f", held out {held_out:.3f}"
        out.write(
            f"training {step}/{steps}: loss {done.loss:.3f}{measured},"
            f" {_speed(done):.0f} tokens/s, {left / 60:.0f} min left\n"
        )
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
