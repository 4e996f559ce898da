"""`postil stats` as people call it."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.commands.stats_command import stats
from bot.door.inbox import Inbox
from bot.outcomes.book import Book
from postil.cli import postil
from postil.errors import ConfigError, HostingError, UsageError
from tests.archive_server import TOKEN, Answer
from tests.bot.outcomes.builders import make_outcome
from tests.bot.outcomes.test_judge import KEY, Stage
from tests.mining.archive_builder import REPO
from tests.mining.conftest import schema

__all__ = ["schema"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two judged remarks."""
    home = tmp_path / "home"
    monkeypatch.chdir(tmp_path)
    for name in ("POSTIL_DATABASE_URL", "GITHUB_TOKEN", "POSTIL_APP_ID", "POSTIL_MARKER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POSTIL_HOME", str(home))
    home.mkdir()
    with closing(Inbox(f"sqlite:///{home / 'inbox.db'}")) as inbox:
        found = [make_outcome(1, verdict="acted on"), make_outcome(1, key="2")]
        Book(inbox.database).put("o/r", 1, 0.0, found)
    return home


def run(*asked: str) -> Result:
    return CliRunner().invoke(stats, list(asked), catch_exceptions=False)


def test_the_figures_are_told_and_for_a_program_too(home: Path) -> None:
    told = run("--repo", "o/r")
    assert "50% (9% to 91%; 1 of 2)" in told.stdout
    found = json.loads(run("--repo", "o/r", "--json").stdout)
    assert (found["schema"], found["ours"]["of"], found["drift"], found["falls"]) == (1, 2, [], [])
    assert "none judged" in run("--repo", "o/else").stdout


def test_an_adapter_that_is_gone_hides_no_figures(home: Path) -> None:
    folder = home / "adapters" / "o" / "r"
    folder.mkdir(parents=True)
    (folder / "current").write_text("0123456789abcdef")
    told = run("--repo", "o/r")
    assert "1 of 2" in told.stdout
    assert "the current adapter is gone" in told.stderr


def test_without_a_repository_or_a_token_one_line_says_so(home: Path) -> None:
    with pytest.raises(UsageError, match="which repository"):
        run()
    with pytest.raises(ConfigError, match="GITHUB_TOKEN"):
        run("--repo", "o/r", "--refresh")
    with pytest.raises(UsageError):
        CliRunner().invoke(postil, ["stats"], catch_exceptions=False, standalone_mode=False)


@pytest.mark.usefixtures("schema")
def test_a_refresh_judges_what_was_closed_and_goes_on_where_it_was_cut_off(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path / "stage")
    stage.records[8] = stage.pull([]) | {"pull": stage.records[7]["pull"] | {"number": 8}}
    (home / "marker.key").write_bytes(KEY.ljust(64))
    with stage.host.serve(), closing(stage.inbox):
        url = f"{stage.host.address}/api/v3"
        (tmp_path / "postil.toml").write_text(f'[server]\napi_url = "{url}"\naccount = "postil"\n')
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        stage.host.faults[3] = Answer(403, {"message": "wait"}, {"retry-after": "600"})
        with pytest.raises(HostingError) as caught:
            run("--repo", REPO, "--refresh")
        assert caught.value.retry_after_s == 600
        told = run("--repo", REPO, "--refresh")
    assert [line.split(":")[0] for line in told.stderr.splitlines()] == [f"{REPO}#7"]
