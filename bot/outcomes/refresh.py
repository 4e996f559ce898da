"""Judge what was closed of late without a server: for the command, and so for the Action's users.

Each pull request is kept as soon as it is judged, so that a run that was cut off goes on where it
ended.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from bot.door.inbox import Inbox
from bot.hosts.forges import open_access
from bot.outcomes.book import Book
from bot.outcomes.following import Following
from bot.outcomes.judge import Judge
from bot.work.ledger import Ledger
from mining.commands import store_url
from postil.settings import Settings


def refresh(
    inbox: Inbox,
    settings: Settings,
    home: Path,
    environment: Mapping[str, str],
    repo: str,
    days: int,
    key: bytes,
) -> Iterator[str]:
    """Judge the pull requests that moved in `days` and were not judged as they were closed; say
    what came of each. `key` signed the markers. HostingError where the host cannot be asked."""
    book, ledger = Book(inbox.database), Ledger(inbox.database)
    with closing(open_access(settings.server, home, environment, key, ledger)) as access:
        store = environment.get("POSTIL_DATABASE_URL") or store_url(home)
        following = Following(home, inbox.database, store, settings.outcomes)
        judge = Judge(book, access, key, settings.mining, then=following.draw)
        before = book.closings(repo)
        newest: datetime | None = None
        for pull in access.closed_pulls(repo):
            moved = datetime.fromisoformat(pull["updated_at"])
            newest = newest or moved  # the host's clock counts, not ours
            if newest - moved > timedelta(days=days):
                return
            number, closed = int(pull["number"]), datetime.fromisoformat(pull["closed_at"])
            if before.get(number) != closed.timestamp():
                yield f"{repo}#{number}: {judge.judge(repo, number)}"
