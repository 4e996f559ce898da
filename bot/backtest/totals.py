"""Replayed pull requests -> figures, with intervals by pull request. Pure."""

from collections.abc import Callable, Sequence
from typing import get_args

import numpy as np

from bot.backtest.records import Agreement, Replayed, Tokens, Totals
from finetune.evaluation.metrics import Bootstrap, Interval, mean_of


def add_up(pulls: Sequence[Replayed]) -> Totals:
    """All figures; unknown where there is nothing to divide by."""
    kinds: tuple[Agreement, ...] = get_args(Agreement)
    draws = Bootstrap([(pull.repo, pull.number) for pull in pulls])

    def share(part: Callable[[Replayed], float], whole: Callable[[Replayed], float]) -> Interval:
        parts, wholes = (np.array([f(p) for p in pulls], dtype=float) for f in (part, whole))
        means = np.divide(parts, wholes, out=np.zeros_like(parts), where=wholes > 0)
        return draws.interval(mean_of(means, wholes))

    return Totals(
        pulls=len(pulls),
        windows=sum(pull.windows for pull in pulls),
        remarks=sum(map(_spoken_on, pulls)),
        comments=sum(pull.comments for pull in pulls),
        agreements={kind: sum(pull.count(kind) for pull in pulls) for kind in kinds},
        precision=share(_hits, _judged),
        right_line=share(lambda pull: pull.count("line"), _judged),
        recall=share(_hits, _spoken_on),
        comments_per_pull=share(lambda pull: pull.comments, _one),
        quiet_pulls=share(lambda pull: pull.comments == 0, _one),
        seconds_per_pull=share(lambda pull: pull.seconds, _one),
        seconds=round(sum(pull.seconds for pull in pulls), 2),
        tokens=Tokens(
            read=sum(pull.tokens.read for pull in pulls),
            written=sum(pull.tokens.written for pull in pulls),
        ),
    )


def _hits(pull: Replayed) -> int:
    """Windows on which both spoke."""
    return pull.count("line") + pull.count("window")


def _judged(pull: Replayed) -> int:
    """Comments of which one can say whether reviewers spoke there too."""
    return pull.comments - pull.count("unclear")


def _spoken_on(pull: Replayed) -> int:
    """Windows with an accepted remark, those that were not read included."""
    return _hits(pull) + pull.count("missed")


def _one(_pull: Replayed) -> int:
    return 1
