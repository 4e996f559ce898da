"""Pull requests that were replayed already, one a line, so that a run cut short goes on.

HOME/evaluations/<repo>/<adapter>/backtest-<fingerprint>.jsonl: the fingerprint is over all that
decides what would have been said, so other pairs or settings begin anew beside it.
"""

import hashlib
import os
from pathlib import Path

import msgspec

from bot.backtest.choosing import Key, Pull
from bot.backtest.records import SCHEMA, Replayed
from finetune.files import write_whole
from postil.errors import ConfigError
from postil.records import encode_line
from postil.settings import ReviewSettings


def log_path(folder: Path, pairs_sha256: str, settings: ReviewSettings) -> Path:
    """Where the log of such a run is."""
    decides = msgspec.json.encode((SCHEMA, pairs_sha256, settings), order="deterministic")
    return folder / f"backtest-{hashlib.sha256(decides).hexdigest()[:12]}.jsonl"


class ReplayLog:
    """What was replayed, by pull request; each is on disk before the next begins."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known = _read(path)

    def of(self, pull: Pull) -> Replayed | None:
        """The replay of a pull request; None where it is still to be done."""
        return self.known.get((pull.repo, pull.number))

    def append(self, done: Replayed) -> None:
        """Keep one more."""
        self.known[done.repo, done.number] = done
        with self._path.open("ab") as file:
            file.write(encode_line(done) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _read(path: Path) -> dict[Key, Replayed]:
    """Whole lines only: what a kill cut off is taken away, so that the next line begins afresh."""
    if not path.exists():
        return {}
    whole, newline, rest = path.read_bytes().rpartition(b"\n")
    if rest:
        write_whole(path, whole + newline)
    try:
        lines = msgspec.json.Decoder(Replayed).decode_lines(whole)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: damaged: remove it, and begin anew: {error}") from error
    return {(one.repo, one.number): one for one in lines}
