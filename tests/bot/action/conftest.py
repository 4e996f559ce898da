"""A runner, and the rest of the repository whose pull requests it reviews."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot.action.runner import Runner
from tests.bot.fake_pulls import REPO
from tests.github_fake import FakeGitHub, Served
from tests.github_repository import FakeRepository


@pytest.fixture
def repository(fake: FakeGitHub) -> Iterator[FakeRepository]:
    """The repository, before the fake listens; its downloads are on another port."""
    repository = FakeRepository(fake, REPO)
    with Served(repository.storage()) as storage:
        repository.download_url = storage.url
        yield repository


@pytest.fixture
def served(repository: FakeRepository, fake: FakeGitHub) -> Iterator[Served]:
    """The fake GitHub, listening with all of it."""
    with fake.serve() as served:
        yield served


@pytest.fixture
def runner(tmp_path: Path, served: Served) -> Runner:
    """A machine with that GitHub."""
    return Runner(tmp_path / "runner", served.url)
