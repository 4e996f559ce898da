"""No remark outside of the change, whatever the change; every suggestion leaves what is meant."""

from pathlib import Path

import pytest

from tests.bot.many_changes import check_generated


def test_500_generated_changes(tmp_path: Path) -> None:
    tally = check_generated(tmp_path, 500, seed=1)
    assert tally.faults == []
    assert tally.files >= 450 and tally.findings > 400 and tally.suggestions > 50
    assert {"LEFT deleted", "LEFT modified", "LEFT renamed", "RIGHT renamed"} <= set(tally.kinds)


@pytest.mark.slow
def test_10_000_generated_changes(tmp_path: Path) -> None:
    tally = check_generated(tmp_path, 10_000, seed=2)
    assert tally.faults == []
    assert tally.files >= 9_500 and tally.suggestions > 1_000
