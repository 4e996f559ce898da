"""Signals -> tiers."""

from itertools import product
from typing import Any

import pytest

from mining.acceptance import Evidence, judge
from postil.records import Reaction, Reply, Tier
from tests.mining.builders import day, make_pull, make_thread


def reply(body: str, kind: Any = "self", at: float = 2) -> Reply:
    return Reply(author="author", author_kind=kind, created_at=day(at), body=body)


def tier(*, merged: bool = True, evidence: Evidence | None = None, **more: Any) -> Tier | None:
    pull = make_pull() if merged else make_pull(merged_at=None, state="closed")
    return judge(make_thread("a" * 40, 1, **more), pull, evidence or Evidence()).tier


DONE = (reply("Done."),)
CHANGED = Evidence(lines_changed=True)


@pytest.mark.parametrize(
    ("evidence", "replies", "resolved", "expected"),
    [
        (Evidence(suggestion_applied=True), (), None, "A"),
        (Evidence(suggestion_applied=True, lines_changed=True), DONE, True, "A"),
        (CHANGED, DONE, None, "B"),
        (CHANGED, DONE, True, "B"),
        (CHANGED, DONE, False, "B"),
        (Evidence(lines_changed=True, suggestion_applied=False), DONE, None, "B"),
        (CHANGED, (), True, "C"),
        (CHANGED, (), None, "D"),
        (CHANGED, (), False, "D"),
        (Evidence(), DONE, None, "D"),
        (Evidence(lines_changed=False), DONE, None, "D"),
        (Evidence(lines_changed=False), DONE, True, "D"),
        (Evidence(), (), True, "D"),
        (Evidence(), (), None, None),
        (Evidence(lines_changed=False, suggestion_applied=False), (), False, None),
    ],
)
def test_a_tier_is_what_the_signals_add_up_to(
    evidence: Evidence, replies: tuple[Reply, ...], resolved: bool | None, expected: Tier | None
) -> None:
    assert tier(evidence=evidence, replies=replies, resolved=resolved) == expected


def test_unknown_is_never_counted_as_true() -> None:
    """Wherever a signal is unknown, the tier is the same as if it were false."""
    signals = (True, False, None)
    for applied, changed, resolved, replies in product(signals, signals, signals, ((), DONE)):
        known = [signal is True for signal in (applied, changed, resolved)]
        assert tier(
            evidence=Evidence(suggestion_applied=applied, lines_changed=changed),
            resolved=resolved,
            replies=replies,
        ) == tier(
            evidence=Evidence(suggestion_applied=known[0], lines_changed=known[1]),
            resolved=known[2],
            replies=replies,
        )


def test_a_pull_request_that_was_not_merged_gives_no_tier_above_d() -> None:
    everything = Evidence(suggestion_applied=True, lines_changed=True)
    assert tier(merged=False, evidence=everything, replies=DONE, resolved=True) == "D"
    assert tier(merged=False) is None


def test_only_the_author_of_the_pull_request_acknowledges() -> None:
    assert tier(evidence=CHANGED, replies=(reply("Done.", "person"),)) == "D"
    assert tier(evidence=CHANGED, replies=(reply("Done.", "bot"),)) == "D"


def test_a_thumbs_up_counts_if_it_is_the_authors() -> None:
    def with_reaction(author: str, content: str) -> Tier | None:
        return tier(evidence=CHANGED, reactions=(Reaction(author=author, content=content),))

    assert with_reaction("author", "+1") == "B"
    assert with_reaction("author", "THUMBS_UP") == "B"
    assert with_reaction("author", "-1") == "D"
    assert with_reaction("eve", "+1") == "D"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("Done.", "On second thought, I'd rather keep it."), "D"),
        (("I don't think so.", "You're right, fixed."), "B"),
        (("Done.", "How do you like it?"), "B"),
        (("Let me think about that.",), "D"),
    ],
)
def test_of_several_answers_the_last_that_says_yes_or_no_counts(
    said: tuple[str, ...], expected: Tier
) -> None:
    replies = tuple(reply(text, at=2 + n) for n, text in enumerate(said))
    assert tier(evidence=CHANGED, replies=replies) == expected


def test_every_signal_seen_is_kept() -> None:
    seen = judge(
        make_thread("a" * 40, 1, replies=DONE, resolved=False),
        make_pull(),
        Evidence(lines_changed=True, suggestion_applied=None),
    )
    assert (seen.suggestion_applied, seen.lines_changed) == (None, True)
    assert (seen.acknowledged, seen.resolved, seen.tier) == (True, False, "B")
