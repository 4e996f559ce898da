"""A scorecard -> whether the adapter may speak, and why, in one sentence. Pure."""

from collections.abc import Sequence

from finetune.evaluation.judgement import Check
from finetune.evaluation.metrics import Interval
from finetune.evaluation.scorecard import Scorecard
from finetune.evaluation.trial import ADAPTER
from postil.records import Record


class Verdict(Record, frozen=True, kw_only=True):
    """`good`: it may speak."""

    good: bool
    sentence: str


def say_verdict(card: Scorecard, checks: Sequence[Check]) -> Verdict:
    """By the checks that promotion asks for."""
    failed = [check for check in checks if not check.passed]
    if not failed:
        told = f"This adapter may speak: it passed all {len(checks)} checks; {_speaks(card)}."
        return Verdict(good=True, sentence=told)
    told = f"This adapter may not speak: {len(failed)} of {len(checks)} checks failed"
    return Verdict(good=False, sentence=f"{told}; {_speaks(card)}.")


def _speaks(card: Scorecard) -> str:
    """How much it would say, and how well."""
    ours = card.system(ADAPTER)
    if ours.threshold is None or not ours.comments_per_pull:
        return "it would say nothing on the test part"
    return (
        f"from probability {ours.threshold:.2f} up it would make {ours.comments_per_pull:.2f}"
        f" comments a pull request, {_share(ours.precision)} of them on windows with an accepted"
        f" remark, and find {_share(ours.recall)} of those"
    )


def _share(one: Interval) -> str:
    if one.value is None or one.low is None or one.high is None:
        return "an unknown share"
    return f"{one.value:.0%} ({one.low:.0%} to {one.high:.0%})"
