"""The sample team, built once for all tests of the demo."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.demo.pieces import Content, read_content
from bot.demo.team import Team, build_team


@pytest.fixture(scope="session")
def content() -> Content:
    return read_content()


@pytest.fixture(scope="session")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    return build_team(tmp_path_factory.mktemp("tidewater"))


@pytest.fixture(scope="session")
def records(team: Team) -> list[dict[str, Any]]:
    """The archive's pull requests, by number."""
    paths = sorted((team.archive / "pulls").glob("*.json"), key=lambda path: int(path.stem))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]
