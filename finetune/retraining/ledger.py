"""What is kept of retrainings: HOME/retraining/<repo>/{run,past,learned,tried}.json.

`run.json` is the run that has not ended: a killed one goes on from its stage. Every file is written
aside and renamed, so a reader sees it whole. One process at a time holds `lock`, which the system
frees if that process dies.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from finetune.adapters import Registry
from finetune.files import write_whole
from postil.errors import ConfigError, TrainingError
from postil.records import Record

Stage = Literal["built", "trained", "measured", "promoting", "decided"]
"""The last one that is done; of `promoting`, that it has begun."""
Outcome = Literal["promoted", "shadow", "canary", "refused"]
KEPT = 100
"""Runs that are remembered."""
T = TypeVar("T")


class Run(Record, frozen=True, kw_only=True):
    """A run under way."""

    schema: int = 1
    repo: str
    begun_at: datetime
    stage: Stage
    store: str
    """Digest of what was stored when the pairs were built."""
    wishes: str
    """Digest of the settings that decide what is learned."""
    data_sha256: str
    new_remarks: int
    live: str = ""
    """The adapter that the candidate is measured beside; "": none."""
    candidate: str = ""
    outcome: Outcome = "refused"
    detail: str = ""
    cpu_s: float = 0.0
    failed: str = ""
    """Why it stopped, where nobody killed it."""


class Past(Record, frozen=True, kw_only=True):
    """A run that came to its end."""

    repo: str
    begun_at: datetime
    ended_at: datetime
    outcome: Outcome
    detail: str
    candidate: str
    live: str
    new_remarks: int
    store: str
    wishes: str
    cpu_s: float


class Tried(Record, frozen=True, kw_only=True):
    """The last time somebody tried, and what came of it."""

    at: datetime
    failed: bool
    detail: str = ""
    store: str = ""
    """With `looked`: what was found to hold too little that is new, by which settings."""
    looked: str = ""


class Ledger:
    """The files of one repository."""

    def __init__(self, home: Path, repo: str) -> None:
        registry = Registry(home)
        self.folder = home / "retraining" / registry.folder(repo).relative_to(registry.root)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock; TrainingError where another run holds it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise TrainingError(f"{self.folder}: another retraining is running") from error
            yield

    def run(self) -> Run | None:
        """The run that has not ended."""
        return self._read("run.json", Run)

    def past(self) -> tuple[Past, ...]:
        """Runs that ended, the newest last."""
        return self._read("past.json", tuple[Past, ...]) or ()

    def learned(self) -> frozenset[str]:
        """The remarks that the last run had, by their examples' ids."""
        return self._read("learned.json", frozenset[str]) or frozenset()

    def tried(self) -> Tried | None:
        """The last try."""
        return self._read("tried.json", Tried)

    def note(self, run: Run) -> None:
        """Keep how far a run came."""
        self._write("run.json", run)

    def note_try(self, tried: Tried) -> None:
        """Keep when somebody tried."""
        self._write("tried.json", tried)

    def finish(self, ended: Past, learned: frozenset[str]) -> None:
        """Move the run among the past ones; done twice, it is there once."""
        before = [past for past in self.past() if past.begun_at != ended.begun_at]
        self._write("learned.json", learned)
        self._write("past.json", (*before[1 - KEPT :], ended))
        self.drop()

    def drop(self) -> None:
        """Forget the run that has not ended."""
        (self.folder / "run.json").unlink(missing_ok=True)

    def _read(self, name: str, kind: type[T]) -> T | None:
        path = self.folder / name
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(
                f"{path}: cannot be read ({error}); remove it, and the next run begins anew"
            ) from error

    def _write(self, name: str, value: object) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        content = msgspec.json.format(msgspec.json.encode(value, order="deterministic"))
        write_whole(self.folder / name, content)
