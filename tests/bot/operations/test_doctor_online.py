"""`postil doctor --online` against a fake GitHub: the clock and what we may do there."""

import time
from pathlib import Path
from typing import Any

import pytest
from flask import jsonify

from bot.operations.doctor import Check
from bot.operations.doctor_online import examine_online
from postil.settings import ServerSettings, Settings
from tests.bot.app_fake import APP_ID, FakeApp, make_key
from tests.bot.fake_pulls import REPO
from tests.github_fake import TOKEN, FakeGitHub, Served


@pytest.fixture
def fake() -> FakeGitHub:
    fake = FakeGitHub()
    fake.description = None
    fake.app.add_url_rule(
        "/repos/<owner>/<name>",
        "repository",
        lambda owner, name: jsonify({"permissions": {"push": True}}),
    )
    return fake


def look(served: Served, home: Path, environment: dict[str, str], **how: Any) -> dict[str, Check]:
    """The checks by name."""
    settings = Settings(repo=REPO, server=ServerSettings(api_url=served.url))
    return {check.name: check for check in examine_online(settings, home, environment, **how)}


def test_a_token_that_may_push_and_a_clock_that_agrees_are_well(
    served: Served, tmp_path: Path
) -> None:
    found = look(served, tmp_path, {"GITHUB_TOKEN": TOKEN})
    assert {check.state for check in found.values()} == {"ok"}


def test_a_clock_that_is_wrong_is_named_with_its_mend(served: Served, tmp_path: Path) -> None:
    found = look(served, tmp_path, {"GITHUB_TOKEN": TOKEN}, now=lambda: time.time() + 3600)
    assert found["clock"].state == "missing"
    assert found["clock"].found.startswith("+3")
    assert "set the clock" in found["clock"].mend


def test_a_wrong_token_and_none_are_named(served: Served, tmp_path: Path) -> None:
    wrong = look(served, tmp_path, {"GITHUB_TOKEN": "another"})["token permissions"]
    assert wrong.state == "missing"
    assert "401" in wrong.found
    assert look(served, tmp_path, {})["sign-in"].state == "missing"


def test_an_app_that_was_granted_too_little_is_named(
    served: Served, fake: FakeGitHub, tmp_path: Path
) -> None:
    pem, public = make_key()
    app = FakeApp(public, fake)
    app.mount(fake.app)
    (tmp_path / "key.pem").write_text(pem)
    (tmp_path / "key.pem").chmod(0o600)
    environment = {
        "POSTIL_APP_ID": APP_ID,
        "POSTIL_PRIVATE_KEY_FILE": str(tmp_path / "key.pem"),
    }
    found = look(served, tmp_path, environment)["App permissions"]
    assert found.state == "missing"
    assert "pull_requests: write" in found.found


def test_a_host_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    settings = Settings(repo=REPO, server=ServerSettings(api_url="http://127.0.0.1:9"))
    (clock, token) = examine_online(settings, tmp_path, {"GITHUB_TOKEN": "t"})
    assert (clock.state, token.state) == ("missing", "missing")
    assert "cannot be asked" in clock.found
