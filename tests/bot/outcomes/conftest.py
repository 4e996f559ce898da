"""GitHub's schema, as the tests of mining have it."""

from tests.mining.conftest import schema

__all__ = ["schema"]
