"""What several processes say when one fails: one line, once.

The first process to meet an error says it and notes so in the launcher's store. One that meets the
same error, or finds the others gone, leaves without a word.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click
import torch.distributed as dist

from finetune.training.team import Team
from postil.errors import PostilError

CLAIMED, TOLD = "postil/claimed", "postil/told"
PATIENCE = timedelta(seconds=5)
"""For the one that speaks to have spoken: who leaves earlier has the launcher kill it."""
GONE = "another process of this run is gone; the same command goes on from the last checkpoint"
LEFT = ("peer", "Broken pipe", "Connection refused")
"""What gloo says in a plain RuntimeError of a process that has gone."""
INTERRUPTED = 130


@contextmanager
def one_voice(team: Team) -> Iterator[None]:
    """Turn an expected fault of one process, or of all, into one line and an exit of all."""
    try:
        yield
    except (PostilError, KeyboardInterrupt, RuntimeError) as error:
        if team.size == 1 or not dist.is_initialized():
            raise
        if isinstance(error, RuntimeError):
            if not _somebody_left(error):
                raise
            if not _told():
                _say(GONE)
            raise SystemExit(1) from None
        if isinstance(error, KeyboardInterrupt):
            _say("interrupted")
            raise SystemExit(INTERRUPTED) from None
        _say(str(error))
        raise SystemExit(error.exit_code) from None


def _say(text: str) -> None:
    """Say it, unless another process speaks: then wait until that one has spoken."""
    try:
        store = _store()
        if store.add(CLAIMED, 1) == 1:
            click.echo(f"postil: {text}", err=True)
            store.set(TOLD, "")
        else:
            store.wait([TOLD], PATIENCE)
    except dist.DistError:
        return  # the launcher is gone, or the one that speaks is


def _told() -> bool:
    try:
        _store().wait([TOLD], PATIENCE)
    except dist.DistError:
        return False
    return True


def _somebody_left(error: RuntimeError) -> bool:
    return isinstance(error, dist.DistError) or any(sign in str(error) for sign in LEFT)


def _store() -> Any:
    return dist.distributed_c10d._get_default_store()
