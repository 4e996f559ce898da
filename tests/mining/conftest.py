"""What the tests of the live source share."""

from collections.abc import Iterator

import graphql
import pytest

from tests.archive_server import ArchiveServer
from tests.graphql_fake import official_schema
from tests.mining.archive_builder import REPO, comment
from tests.mining.github_bench import Json, moved
from tests.npm_package import UnavailableError


@pytest.fixture
def schema() -> graphql.GraphQLSchema:
    try:
        return official_schema()
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def records() -> dict[int, Json]:
    """60 pull requests: two pages."""
    return {n: moved(n, n % 60, comments=[comment(n * 100)]) for n in range(1, 61)}


@pytest.fixture
def server(records: dict[int, Json]) -> Iterator[ArchiveServer]:
    with ArchiveServer(REPO, records).serve() as serving:
        yield serving
