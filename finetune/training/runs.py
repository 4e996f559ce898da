"""The folder of one run: what it measured step by step, its curves, its checkpoints.

HOME/runs/<repo>/<fingerprint>/{metrics.jsonl, curves.svg, checkpoints/, tensorboard/}. The
fingerprint is over everything that decides a run, so the same command finds what it left and goes
on; another dataset or setting begins anew beside it.
"""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from finetune.files import write_whole
from finetune.training.checkpoints import Checkpoints
from finetune.training.loop import Step
from finetune.training.measured import METRICS, read_metrics
from postil.errors import ConfigError, TrainingError
from postil.settings import TrainSettings

CURVES, EVENTS = "curves.svg", "tensorboard"
CHECKPOINTS = "checkpoints"
ONLY_HERE = ("seconds",)
"""Columns that are not the same in two equal runs, and so not part of an adapter."""

HOW_ONLY = {"save_minutes": 5.0, "tensorboard": False}
"""Settings that do not change what is learned."""


def fingerprint(settings: TrainSettings, *others: str) -> str:
    """Twelve hex digits over the settings and whatever else decides a run."""
    same = msgspec.structs.replace(settings, **HOW_ONLY)
    content = msgspec.json.encode((same, others), order="deterministic")
    return hashlib.sha256(content).hexdigest()[:12]


class RunFolder:
    """What a run writes while it goes on."""

    def __init__(self, folder: Path, *, events: bool) -> None:
        self.folder = folder
        self.checkpoints = Checkpoints(folder / CHECKPOINTS)
        self._events: Any = _open_events(folder / EVENTS) if events else None

    def go_on_after(self, step: int) -> None:
        """Forget what a killed run measured behind its last checkpoint."""
        rows = [row for row in read_metrics(self.folder / METRICS) if row["step"] <= step]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        write_whole(self.folder / METRICS, text.encode())

    def write(self, done: Step) -> None:
        """One step's row."""
        row = {
            "step": done.step,
            "loss": done.loss,
            "held_out": done.held_out,
            "rate": done.rate,
            "norm": done.norm,
            "tokens": done.tokens,
            "seconds": round(done.seconds, 3),
        }
        with (self.folder / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self._events is not None:
            for name in ("loss", "held_out", "rate", "norm"):
                if row[name] is not None:
                    self._events.add_scalar(f"train/{name}", row[name], done.step)

    def copy_metrics(self, path: Path) -> None:
        """The rows without what only this machine's clock said."""
        rows = read_metrics(self.folder / METRICS)
        kept = ({k: v for k, v in row.items() if k not in ONLY_HERE} for row in rows)
        path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")

    def close(self) -> None:
        """Draw the curves so far."""
        from finetune.training.curves import draw_curves  # matplotlib: half a second

        if self._events is not None:
            self._events.close()
        rows = read_metrics(self.folder / METRICS)
        if rows:
            draw_curves(rows, self.folder / CURVES)


def run_path(home: Path, repo: str, name: str) -> Path:
    """Where a run's folder is, whether or not it is there."""
    return home / "runs" / repo / name


@contextmanager
def open_run(folder: Path, *, events: bool = False) -> Iterator[RunFolder]:
    """The folder of this very run, held; TrainingError where another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".running").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TrainingError(f"{folder}: this very run is going on already") from error
        run = RunFolder(folder, events=events)
        try:
            yield run
        finally:
            run.close()


def _open_events(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError(
            "train.tensorboard: the package is not installed: pip install tensorboard"
        ) from error
    writer: Any = SummaryWriter
    return writer(str(folder))
