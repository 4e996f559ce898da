"""What `with:` of the workflow says, checked; an empty input follows the settings."""

from typing import Literal

import msgspec

from bot.action.base_branch import SETTINGS_FILE
from postil.errors import UsageError
from postil.records import Record
from postil.settings import ReviewSettings

Mode = Literal["comment", "annotate", "summary", "sarif", "dry-run"]
STORED = "postil-result"


class Inputs(Record, frozen=True, kw_only=True):
    """The inputs of the Action."""

    adapter: str = ""
    mode: Mode | None = None
    config: str = SETTINGS_FILE
    pull_request: str = ""
    max_comments: int | None = None
    min_precision: float | None = None
    fail_on: float = float("inf")
    result_artifact: str = STORED
    """The artifact that a run before left for us to post; "" to review anew after it."""


def with_inputs(settings: ReviewSettings, inputs: Inputs) -> ReviewSettings:
    """The settings of the base branch, as far as no input says otherwise."""
    if inputs.max_comments is None:
        return settings
    return msgspec.structs.replace(settings, max_comments=inputs.max_comments)


def mode_of(settings: ReviewSettings, inputs: Inputs) -> Mode:
    """What is done with a review."""
    return inputs.mode or ("comment" if settings.mode == "comment" else "summary")


def read_number(text: str, name: str, most: float, *, whole: bool) -> float | None:
    """A number from 0 to `most`; None for an empty input; UsageError for anything else."""
    if not text.strip():
        return None
    try:
        number = float(int(text)) if whole else float(text)
    except ValueError as error:
        raise UsageError(f"{name}: {text[:40]!r} is not a number") from error
    if not 0 <= number <= most:
        raise UsageError(f"{name}: {text[:40]} is not from 0 to {most:g}")
    return number
