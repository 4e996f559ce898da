"""Checkpoints of a run: whole or absent.

    step-00000120/{tensors.safetensors, state.json}

Written aside, flushed, renamed; state.json, written last, holds the sha256 of the tensors. What a
kill or a full disk left half done is never taken for a checkpoint, and what was there before stays
until the new one stands.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from finetune.files import digest_file, sync, write_whole
from finetune.training.masters import Numbers

TENSORS, STATE = "tensors.safetensors", "state.json"
ASIDE = ".part-"
KEPT = 2
"""The newest ones; the one before the last is for a disk that lies."""

log = logging.getLogger(__name__)


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """state.json: the numbers of the run, and the hash of the tensors that belong to them."""

    sha256: str
    numbers: Numbers
    norms: tuple[float, ...] = ()


class Checkpoints:
    """The checkpoints of one run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(
        self,
        step: int,
        tensors: dict[str, torch.Tensor],
        numbers: Numbers,
        norms: tuple[float, ...] = (),
    ) -> Path:
        """Keep a state; OSError where the disk refuses, with the earlier ones untouched."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=self.folder))
        try:
            _save_tensors(tensors, aside / TENSORS)
            saved = Saved(sha256=digest_file(aside / TENSORS), numbers=numbers, norms=norms)
            write_whole(aside / STATE, msgspec.json.encode(saved))
            target = self.folder / f"step-{step:08}"
            shutil.rmtree(target, ignore_errors=True)
            aside.rename(target)
            sync(self.folder)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        for old in list(self._newest_first())[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
        return target

    def keep(
        self,
        step: int,
        tensors: dict[str, torch.Tensor],
        numbers: Numbers,
        norms: tuple[float, ...] = (),
    ) -> bool:
        """`save`, but where the disk refuses say so and return False: the run itself may go on."""
        try:
            self.save(step, tensors, numbers, norms)
        except OSError as error:
            log.warning(
                "no checkpoint at step=%d, the earlier one stays: %s", step, error.strerror or error
            )
            return False
        return True

    def newest(self) -> tuple[dict[str, torch.Tensor], Saved] | None:
        """The newest whole checkpoint; damaged ones are passed over with a line in the log."""
        for folder in self._newest_first():
            try:
                saved = msgspec.json.decode((folder / STATE).read_bytes(), type=Saved)
                if digest_file(folder / TENSORS) != saved.sha256:
                    raise ValueError("its tensors are not those that were saved")
                return load_file(folder / TENSORS), saved
            except (OSError, ValueError, SafetensorError, msgspec.MsgspecError) as error:
                log.warning("passed over checkpoint=%s: %s", folder, error)
        return None

    def clear(self) -> None:
        """Remove them all."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _newest_first(self) -> Iterator[Path]:
        yield from sorted(self.folder.glob("step-*"), reverse=True)

    def _sweep(self) -> None:
        for left in self.folder.glob(f"{ASIDE}*"):
            shutil.rmtree(left, ignore_errors=True)


def _save_tensors(tensors: dict[str, torch.Tensor], path: Path) -> None:
    """safetensors reports a full disk as an error of its own; callers see an OSError."""
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    try:
        save_file(plain, path)
    except SafetensorError as error:
        raise OSError(f"{path.parent.parent}: cannot be written: {error}") from error
    sync(path)
