"""What a fake GitHub recorded and a client was told -> what went wrong. Pure.

The promise: what was acknowledged ends in exactly one visible review of its head, and no review
stands twice. A job that was given up in the open is counted apart.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from postil.records import Record


class Verdict(Record, frozen=True, kw_only=True):
    """Counts over one history; `lost` and `doubled` name pull requests."""

    acknowledged: int
    reviewed: int
    given_up: int
    lost: tuple[int, ...]
    doubled: tuple[int, ...]


def check(
    acknowledged: Sequence[int],
    states: Mapping[int, str],
    reviews: Mapping[int, Sequence[Mapping[str, Any]]],
) -> Verdict:
    """Judge a history: pull requests acknowledged, the state each ended in, and what stands on
    each on the host."""
    heads = Counter(
        (pull, review["commit_id"]) for pull, there in reviews.items() for review in there
    )
    doubled = {pull for (pull, _), count in heads.items() if count > 1}
    given_up = [pull for pull in acknowledged if states.get(pull) == "dead"]
    lost = [p for p in acknowledged if not reviews.get(p) and p not in given_up]
    return Verdict(
        acknowledged=len(acknowledged),
        reviewed=sum(bool(reviews.get(pull)) for pull in acknowledged),
        given_up=len(given_up),
        lost=tuple(lost),
        doubled=tuple(sorted(doubled)),
    )
