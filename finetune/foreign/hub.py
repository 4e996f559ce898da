"""A dataset of a Hugging Face hub, through `datasets`: its splits and their rows.

Nothing of the dataset is run, and only its name is sent.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from postil.errors import ConfigError

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?", re.ASCII)
"""owner/name, with a revision behind @."""

HubDataset = Callable[[str], Iterable[tuple[str, Iterable[dict[str, Any]]]]]


def is_hub_name(text: str) -> bool:
    """Whether a hub could have a dataset of that name."""
    return NAME.fullmatch(text) is not None


def hub_rows(name: str) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    """Every split of `owner/name[@revision]` and its rows; ConfigError where there is none."""
    try:
        from datasets import disable_progress_bars, load_dataset
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        raise ConfigError(f"{name}: to read from a hub, pip install 'postil[train]'") from error
    disable_progress_bars()
    hub_id, _, revision = name.partition("@")
    try:
        with _no_notes():
            splits = load_dataset(hub_id, revision=revision or None)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"{name}: no such file or folder, and not to be had from the hub: {reason}"
        ) from error
    yield from splits.items()


@contextmanager
def _no_notes() -> Iterator[None]:
    """Without the client's line for each of its retries: what failed is said once."""
    client = logging.getLogger("huggingface_hub")
    level = client.level
    client.setLevel(logging.ERROR)
    try:
        yield
    finally:
        client.setLevel(level)
