"""A fake GitHub per test; what its description of the API does not allow fails the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.door.inbox import Inbox
from bot.hosts.github import GitHubPulls
from tests.bot.fake_pulls import KEY, REPO, open_pulls, small_pull
from tests.bot.stub_reviewer import StubReviewer
from tests.bot.tiny_home import TinyHome, make_home, make_memory_home
from tests.github_fake import FakeGitHub, Served
from tests.openapi import SUBSET, Description


@pytest.fixture(scope="session")
def description() -> Description | None:
    """GitHub's own description of its API, where it is at hand; the subset has no contents, which
    a server asks for the settings of the base branch."""
    if not SUBSET.exists():
        return None
    return Description.load().without(r"/repos/[^/]+/[^/]+/contents/.+")


@pytest.fixture
def fake(description: Description | None) -> Iterator[FakeGitHub]:
    """A fake GitHub with one small pull request; every request must fit the description."""
    fake = FakeGitHub(description)
    fake.add(REPO, small_pull())
    yield fake
    assert fake.violations == []


@pytest.fixture
def pulls(served: Served) -> Iterator[GitHubPulls]:
    """Our door to the fake's repository."""
    pulls = open_pulls(served)
    yield pulls
    pulls.close()


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    """An inbox with nothing in it."""
    inbox = Inbox(f"sqlite:///{tmp_path / 'inbox.db'}")
    yield inbox
    inbox.close()


@pytest.fixture
def stub() -> StubReviewer:
    """A reviewer without a model."""
    return StubReviewer(KEY)


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> TinyHome:
    """A home with tiny real adapters; tests only read it."""
    return make_home(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def memory_home(tmp_path_factory: pytest.TempPathFactory) -> TinyHome:
    """A home whose adapter only remembers, for what does not hang on weights; only read."""
    return make_memory_home(tmp_path_factory.mktemp("memory"))
