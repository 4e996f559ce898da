"""What the store adds to a backtest, and whom it does not quote."""

from pathlib import Path

import pytest

from bot.backtest.command import store_of
from bot.backtest.stored import read_changes, without
from mining.store import open_store
from postil.settings import MiningSettings
from tests.mining.builders import make_change, make_pull, make_thread


def test_who_opted_out_is_not_quoted() -> None:
    threads = (make_thread("a", 1, author="Ann"), make_thread("a", 2, author="Ben"))
    left = without(make_change(make_pull(1), *threads), {"ann"})
    assert [thread.author for thread in left.threads] == ["Ben"]


def test_without_a_store_nothing_more_is_known_and_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POSTIL_DATABASE_URL", raising=False)
    assert store_of(tmp_path) is None
    assert read_changes(None, "o/r", MiningSettings()) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_other_repositories_knows_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with open_store(url):
        pass
    assert read_changes(url, "o/r", MiningSettings()) == {}
    assert store_of(tmp_path) == url
