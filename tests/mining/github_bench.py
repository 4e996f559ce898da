"""A live source over a server that answers as GitHub does, with its waits and what it told."""

from typing import Any

from mining.clients import Access, GitHubReader, api_url_of, connect
from mining.sources import RawPayload
from mining.sources.github import GitHub, read
from postil.records import Change
from tests.archive_server import TOKEN, ArchiveServer
from tests.mining.archive_builder import pull, record

NOW = 1_700_000_000.0

Json = dict[str, Any]


def moved(number: int, minute: int, **more: Any) -> Json:
    """A pull request that last moved at this minute."""
    at = f"2024-05-09T08:{minute:02}:00Z"
    return record(pull=pull(number, updated_at=at), **more)


class Asked:
    """A source over the server, its waits and what it told."""

    def __init__(self, server: ArchiveServer, token: str = TOKEN) -> None:
        self.waits: list[float] = []
        self.told: list[str] = []
        api_url, repo = api_url_of(server.where)
        access = Access(github_token=token)
        reader = GitHubReader(
            connect(access, api_url, repo),
            notice=self.told.append,
            sleep=self.waits.append,
            now=lambda: NOW,
        )
        self.source = GitHub(server.where, None, None, access, self.told.append, reader=reader)

    def all(self, mark: str | None = None) -> list[RawPayload]:
        if mark:
            self.source.resume(mark)
        return list(self.source.fetch(None, None))


def changes(payloads: list[RawPayload]) -> dict[str, Change]:
    return {payload.key: read(payload.body) for payload in payloads}
