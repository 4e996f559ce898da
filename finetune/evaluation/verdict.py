"""A scorecard -> whether the adapter may speak, and why, in one sentence. Pure."""

from collections.abc import Sequence
from typing import Protocol

from finetune.evaluation.metrics import Interval
from finetune.evaluation.scorecard import Scorecard
from finetune.evaluation.trial import ADAPTER
from postil.records import Record

FREE = ("base", "size alone", "cheap features alone", "retrieval")
"""What costs less than the adapter: it must rank better than each of them."""


class Checked(Protocol):
    """One check of the promotion gate, as far as a page shows it."""

    @property
    def name(self) -> str: ...
    @property
    def passed(self) -> bool: ...
    @property
    def figure(self) -> object: ...
    @property
    def wanted(self) -> object: ...
    @property
    def why(self) -> str: ...


class Verdict(Record, frozen=True, kw_only=True):
    """`good`: it may speak, or nothing in its figures is against it."""

    good: bool
    sentence: str


def say_verdict(card: Scorecard, checks: Sequence[Checked] | None) -> Verdict:
    """By the gate's checks where it has judged, else by the figures alone."""
    ours = card.system(ADAPTER)
    if checks is not None:
        failed = [check for check in checks if not check.passed]
        if not failed:
            told = f"This adapter may speak: it passed all {len(checks)} checks; {_speaks(card)}."
            return Verdict(good=True, sentence=told)
        reasons = "; ".join(f"{check.name}: {check.why}" for check in failed)
        told = f"This adapter may not speak: {len(failed)} of {len(checks)} checks failed"
        return Verdict(good=False, sentence=f"{told} ({reasons}).")
    if ours.threshold is None:
        note = ours.note.rstrip(".")
        return Verdict(good=False, sentence=f"This adapter stays silent: {note}.")
    beaten, unbeaten = rivals(card)
    if unbeaten:
        than = f"ranks windows no better, as far as is shown, than {_listed(unbeaten)}"
        told = f"Nothing speaks for letting this adapter speak: it {than}; {_speaks(card)}."
        return Verdict(good=False, sentence=told)
    if not beaten:
        told = f"Whether this adapter may speak cannot be told: too little to measure; {ours.note}"
        return Verdict(good=False, sentence=told.rstrip(".") + ".")
    told = "Nothing is against letting this adapter speak: it ranks windows better than"
    return Verdict(good=True, sentence=f"{told} {_listed(beaten)}; {_speaks(card)}.")


def rivals(card: Scorecard) -> tuple[list[str], list[str]]:
    """Those that cost less and rank worse for sure, and those that do not."""
    gains = [gain for gain in card.gains if gain.over in FREE and gain.auc.value is not None]
    beaten = [gain.over for gain in gains if gain.auc.low is not None and gain.auc.low > 0]
    return beaten, [gain.over for gain in gains if gain.over not in beaten]


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


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
