"""Who works on tidewater/harbor, and what they say beside the remarks of the house rules."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct

from bot.demo.pieces import TEAM_FOLDER
from postil.errors import ConfigError

ORGANISATION = "tidewater"
REPOSITORY = "tidewater/harbor"


class Person(Struct, frozen=True):
    """Somebody with an account; `association` is GitHub's word for the tie to the repository."""

    login: str
    name: str
    association: str

    @property
    def id(self) -> int:
        """A number for the account, the same in every build."""
        return 10_000_000 + zlib.crc32(self.login.encode()) % 90_000_000

    @property
    def is_bot(self) -> bool:
        """GitHub marks the accounts of apps by their name."""
        return self.login.endswith("[bot]")

    @property
    def email(self) -> str:
        """The address commits carry."""
        return f"{self.login}@tidewater.example"


class Phrases(Struct, frozen=True, forbid_unknown_fields=True):
    """What is said, by occasion."""

    acks: tuple[str, ...]
    thanks: tuple[str, ...]
    nits: tuple[str, ...]
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    praise: tuple[str, ...]
    machine: tuple[str, ...]
    outsider: tuple[str, ...]
    outsider_hits: tuple[str, ...]
    selfnotes: tuple[str, ...]
    approvals: tuple[str, ...]
    first_looks: tuple[str, ...]
    closings: tuple[str, ...]
    nudges: tuple[str, ...]
    openings: tuple[str, ...]


class IssueText(Struct, frozen=True, forbid_unknown_fields=True):
    """One reported issue and the answer that closed it."""

    title: str
    body: str
    reply: str


class Talk(Struct, frozen=True, forbid_unknown_fields=True):
    """People and phrases."""

    reviewers: tuple[Person, ...] = msgspec.field(name="reviewer")
    authors: tuple[Person, ...] = msgspec.field(name="author")
    outsider: Person
    bot: Person
    phrases: Phrases
    issues: tuple[IssueText, ...] = msgspec.field(name="issue")


def read_talk(folder: Path = TEAM_FOLDER) -> Talk:
    """Read talk.toml; raise ConfigError where it does not keep the format."""
    path = folder / "talk.toml"
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Talk)
    except (msgspec.DecodeError, OSError) as error:
        raise ConfigError(f"{path}: {error}") from error


class Deck:
    """Deals texts in shuffled rounds; no text comes twice in a row."""

    def __init__(self, texts: Iterable[str], rng: Random) -> None:
        self._texts = list(texts)
        self._rng = rng
        self._left: list[str] = []
        self._last: str | None = None

    def draw(self, fits: Callable[[str], bool] = lambda _: True) -> str:
        """The next text that fits."""
        for _ in range(2):
            for text in self._left:
                if fits(text) and (text != self._last or len(self._texts) == 1):
                    self._left.remove(text)
                    self._last = text
                    return text
            fresh = list(self._texts)
            self._rng.shuffle(fresh)
            self._left.extend(fresh)
        raise ConfigError(f"none of {len(self._texts)} texts fits; write more of them")
