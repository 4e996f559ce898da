"""Figures over replayed pull requests."""

import msgspec
import pytest

from bot.backtest.records import Replayed
from bot.backtest.totals import add_up
from finetune.evaluation.metrics import UNKNOWN
from tests.bot.backtest.builders import replayed


def test_shares_leave_out_what_cannot_be_judged() -> None:
    totals = add_up(replayed())
    assert (totals.pulls, totals.windows, totals.remarks, totals.comments) == (4, 7, 3, 4)
    assert totals.agreements == {"line": 1, "window": 1, "alarm": 1, "unclear": 1, "missed": 1}
    assert totals.precision.value == pytest.approx(2 / 3, rel=1e-5)
    assert totals.right_line.value == pytest.approx(1 / 3, rel=1e-5)
    assert totals.recall.value == pytest.approx(2 / 3, rel=1e-5)
    assert totals.comments_per_pull.value == 1.0
    assert totals.quiet_pulls.value == 0.25
    assert totals.precision.low is not None and totals.precision.low < 2 / 3


def test_where_nobody_spoke_nothing_is_claimed() -> None:
    totals = add_up(replayed(1))
    assert totals.precision == totals.recall == totals.right_line == UNKNOWN
    assert (totals.quiet_pulls.value, totals.quiet_pulls.low) == (1.0, 1.0)


def test_the_interval_is_over_whole_pull_requests() -> None:
    def repeated(pull: Replayed, times: int) -> Replayed:
        return msgspec.structs.replace(pull, places=pull.places * times)

    once, often = (
        add_up([repeated(pull, times) for pull in replayed() for _ in range(5)])
        for times in (1, 50)
    )
    assert once.precision == often.precision
