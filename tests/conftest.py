"""What tests of several folders stand on."""

from collections.abc import Iterator

import pytest

from tests.github_fake import FakeGitHub, Served


@pytest.fixture
def served(fake: FakeGitHub) -> Iterator[Served]:
    """The fake GitHub of the folder, listening."""
    with fake.serve() as served:
        yield served
