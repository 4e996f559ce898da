"""What the store knows of the pull requests of a backtest, beside the pairs."""

import msgspec

from bot.backtest.choosing import Key
from mining.store import open_store
from mining.stored import read_stored
from postil.errors import SourceError, UsageError
from postil.records import Change
from postil.settings import MiningSettings


def read_changes(url: str | None, repo: str, settings: MiningSettings) -> dict[Key, Change]:
    """The changes of a repository, but for what people said who opted out.

    Nothing where there is no store, or where it was not mined here: the pairs came from elsewhere.
    """
    if url is None:
        return {}
    try:
        with open_store(url) as store:
            stored = read_stored(store, repo)
    except (SourceError, UsageError):
        return {}
    out = {name.casefold() for name in stored.with_wishes(settings).opted_out}
    return {(one.pull.repo, one.pull.number): without(one, out) for one in stored.changes}


def without(change: Change, authors: set[str]) -> Change:
    """A change without what some people said, by their names in lower case."""
    threads = (thread for thread in change.threads if thread.author.casefold() not in authors)
    return msgspec.structs.replace(change, threads=tuple(threads))
