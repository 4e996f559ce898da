"""Tunings on disk: HOME/tuning/OWNER/NAME/DIGEST.json, one a repository and adapter.

Made anew from the outcomes whenever a pull request was judged, replaced by rename; a reviewer reads
the file before every review.
"""

import re
from pathlib import Path

import msgspec

from bot.outcomes.book import Book
from bot.outcomes.tuned import Tuning
from bot.outcomes.tuning import tune
from finetune.adapters import REPO
from finetune.files import write_whole
from postil.errors import AdapterError
from postil.settings import OutcomeSettings

DIGEST = re.compile(r"[\w-]{1,64}")


def read_tuning(home: Path, repo: str, adapter: str) -> Tuning:
    """What outcomes made of an adapter's gate; nothing where none was judged. AdapterError for a
    file that cannot be read: to go on would say again what is muted."""
    if not _is_known(repo, adapter):
        return Tuning(repo=repo, adapter=adapter)
    path = _path(home, repo, adapter)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Tuning)
    except FileNotFoundError:
        return Tuning(repo=repo, adapter=adapter)
    except (OSError, msgspec.MsgspecError) as error:
        raise AdapterError(
            f"{path}: cannot be read: {error}; remove it, the next judgement makes it anew"
        ) from error


def write_tunings(home: Path, repo: str, book: Book, settings: OutcomeSettings) -> list[Tuning]:
    """Make the tuning of every adapter that has outcomes in a repository; all of them."""
    outcomes = book.outcomes(repo)
    adapters = sorted({one.adapter for one in outcomes if one.said_by == "postil"})
    tunings = []
    for adapter in (one for one in adapters if _is_known(repo, one)):
        tuning = Tuning(repo=repo, adapter=adapter)
        if settings.tune:
            tuning = tune(repo, adapter, outcomes, settings)
        path = _path(home, repo, adapter)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.format(msgspec.json.encode(tuning, order="deterministic")))
        tunings.append(tuning)
    return tunings


def _path(home: Path, repo: str, adapter: str) -> Path:
    return home / "tuning" / repo / f"{adapter}.json"


def _is_known(repo: str, adapter: str) -> bool:
    """Whether there can be outcomes: not of an adapter given by its folder."""
    return bool(REPO.fullmatch(repo) and DIGEST.fullmatch(adapter)) and ".." not in repo
