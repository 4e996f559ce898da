"""Pull requests over GitHub's REST interface, for servers without GraphQL.

One payload a pull request, in the shape of an archive (see archive.py). They come in the order in
which they last moved; a mark is the time up to which all have been given.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from mining.clients import GitHubReader, Json
from mining.sources import RawPayload
from postil.errors import SourceError

NEXT = "rest:"
"""How the marks of this interface begin."""


def fetch_rest(
    reader: GitHubReader,
    repo: str,
    mark: str | None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[RawPayload]:
    """Every pull request that moved at `mark` or later; `since` and `until` as in `Source`."""
    given = datetime.fromisoformat(mark.removeprefix(NEXT)) if mark else since
    path = f"/repos/{repo}/pulls?state=all&sort=updated&direction=desc&per_page=100"
    known: list[tuple[datetime, datetime, int]] = []
    for pull in _listed(reader, path):
        updated = msgspec.convert(pull["updated_at"], datetime, strict=False)
        if given and updated < given:
            break
        closed = pull.get("closed_at")
        moved = msgspec.convert(closed, datetime, strict=False) if closed else updated
        if not (until and moved > until):
            known.append((updated, moved, pull["number"]))
    for updated, moved, number in sorted(known):
        body = msgspec.json.encode(_one(reader, repo, number))
        yield RawPayload(str(number), moved, body, f"{NEXT}{updated.isoformat()}")


def fetch_rest_pull(reader: GitHubReader, repo: str, number: int) -> RawPayload | None:
    """One pull request; None where there is none any more in a repository that is."""
    try:
        body = msgspec.json.encode(_one(reader, repo, number))
    except SourceError as error:
        if f"/pulls/{number}: 404:" in str(error) or f"/pulls/{number}: 410:" in str(error):
            reader.rest(f"/repos/{repo}")
            return None
        raise
    return RawPayload(str(number), None, body)


def _one(reader: GitHubReader, repo: str, number: int) -> Json:
    """A pull request as github-metadata-backup would have written it."""
    pull, _ = reader.rest(f"/repos/{repo}/pulls/{number}")
    events = list(_listed(reader, f"/repos/{repo}/issues/{number}/timeline?per_page=100"))
    comments = list(_listed(reader, f"/repos/{repo}/pulls/{number}/comments?per_page=100"))
    return {"type": "pull", "pull": pull, "events": events, "comments": comments}


def _listed(reader: GitHubReader, path: str) -> Iterator[Any]:
    """The members of a list that comes in pages."""
    following: str | None = path
    while following:
        page, following = reader.rest(following)
        yield from page
