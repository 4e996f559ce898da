"""A backtest that was stopped goes on, and never repeats or mixes what it did."""

from pathlib import Path

import msgspec
import pytest

from bot.backtest.log import ReplayLog, log_path
from postil.errors import ConfigError
from tests.bot.backtest.builders import SETTINGS, chosen, replayed


def test_what_was_replayed_is_read_back(tmp_path: Path) -> None:
    log = ReplayLog(tmp_path / "log.jsonl")
    done = replayed()
    assert log.of(chosen()[0]) is None
    for one in done[:2]:
        log.append(one)
    again = ReplayLog(tmp_path / "log.jsonl")
    assert [again.of(pull) for pull in chosen()] == [done[0], done[1], None, None]


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_line_that_a_kill_cut_off_is_replayed_again(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "log.jsonl"
    log, done = ReplayLog(path), replayed()
    for one in done[:2]:
        log.append(one)
    path.write_bytes(path.read_bytes()[:-cut])
    again = ReplayLog(path)
    assert list(again.known.values()) == done[:1]
    again.append(done[1])
    assert list(ReplayLog(path).known.values()) == done[:2]


def test_a_damaged_log_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(b"{}\n")
    with pytest.raises(ConfigError, match="damaged: remove it"):
        ReplayLog(tmp_path / "log.jsonl")


def test_other_pairs_or_settings_begin_anew(tmp_path: Path) -> None:
    other = msgspec.structs.replace(SETTINGS, max_comments=1)
    paths = {log_path(tmp_path, "a", SETTINGS), log_path(tmp_path, "b", SETTINGS)}
    paths |= {log_path(tmp_path, "a", other), log_path(tmp_path, "a", SETTINGS)}
    assert len(paths) == 3
