"""Memory of this process: what is used, what was used at most, and what is left. Bytes.

On a GPU what torch allocated; on a CPU the resident set, whose high-water mark Linux lets a
process reset (proc(5), clear_refs).
"""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from postil.errors import TrainingError
from postil.settings import TrainSettings

RESET_PEAK = "5"
STATUS, CLEAR, FREE = (
    Path("/proc") / name for name in ("self/status", "self/clear_refs", "meminfo")
)
GROUP = Path("/sys/fs/cgroup")
NO_ROOM = ("not enough memory", "can't allocate memory", "out of memory")
"""What torch says in a plain RuntimeError."""


class Meter:
    """Reads and resets the peak of one device."""

    def __init__(self, device: str) -> None:
        self._gpu = torch.device(device).type == "cuda"

    def reset(self) -> None:
        """Forget the peak so far, where the system lets us."""
        if self._gpu:
            torch.cuda.reset_peak_memory_stats()
        elif CLEAR.exists():
            CLEAR.write_text(RESET_PEAK)

    def used(self) -> int:
        """Now."""
        if self._gpu:
            return int(torch.cuda.memory_allocated())
        return _status("VmRSS") or self.peak()

    def peak(self) -> int:
        """Since the last reset; where there is no reset, since the process began."""
        if self._gpu:
            return int(torch.cuda.max_memory_allocated())
        unit = 1 if sys.platform == "darwin" else 1024
        return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def available(device: str) -> int:
    """What this process could still take, counting its own: the whole it may grow to."""
    if torch.device(device).type == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return int(free) + int(torch.cuda.memory_allocated())
    if not FREE.exists():
        return sys.maxsize
    left = _kilobytes(FREE, "MemAvailable") + Meter("cpu").used()
    return min(left, _group_limit())


def _group_limit() -> int:
    """What a container allows; everything where it allows everything."""
    try:
        text = (GROUP / "memory.max").read_text().strip()
    except OSError:
        return sys.maxsize
    return int(text) if text.isdigit() else sys.maxsize


def _status(name: str) -> int:
    return _kilobytes(STATUS, name) if STATUS.exists() else 0


def _kilobytes(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    return 0


@contextmanager
def no_room_is_one_line(settings: TrainSettings) -> Iterator[None]:
    """Turn every way of running out of memory into a TrainingError with the settings to change."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        told = str(error)
        spent = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not spent and not any(phrase in told for phrase in NO_ROOM):
            raise
        raise TrainingError(
            f"out of memory: lower train.micro_tokens (now {settings.micro_tokens})"
            + ("" if settings.checkpointing else " or set train.checkpointing = true")
            + "; `postil train --dry-run` says what a run needs"
        ) from error
