"""transformers without its bars and notes: standard error is for our own progress."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any

import transformers


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, the libraries say nothing.

    transformers draws the bar of a GGUF conversion whatever it is told (5.23).
    """
    notes: Any = transformers.logging
    bars, level = notes.is_progress_bar_enabled(), notes.get_verbosity()
    notes.set_verbosity_error()
    notes.disable_progress_bar()
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        notes.set_verbosity(level)
        if bars:
            notes.enable_progress_bar()
