"""Whether a retraining is due, and whether enough is new. Pure."""

from datetime import datetime, timedelta

from finetune.retraining.ledger import Past, Tried

AGAIN_S = 3600.0
"""After a try that failed or was killed."""


def is_due(tried: Tried | None, every_s: float, now: datetime) -> bool:
    """Whether it is time. However many times were missed, one run makes up for all of them; a
    clock that was set back makes nothing due before it has come round again."""
    if tried is None:
        return True
    wait_s = min(every_s, AGAIN_S) if tried.failed else every_s
    return now - tried.at >= timedelta(seconds=wait_s)


def set_back(tried: Tried | None, now: datetime) -> bool:
    """Whether the last try lies ahead, so that the clock must have been wrong then or is now."""
    return tried is not None and tried.at > now


def too_few(new: int, least: int, past: Past | None, wishes: str) -> str:
    """Why a run is not worth while yet; "" if it is.

    The first run needs nothing new, and other settings are reason enough.
    """
    if past is None or past.wishes != wishes or new >= least:
        return ""
    since = f"{past.ended_at:%Y-%m-%d}"
    return (
        f"{new} of {least} new accepted remarks since the run of {since}: {least - new} are"
        " missing (retrain.min_new); nothing done"
    )
