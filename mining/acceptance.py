"""Was a remark heeded, on what evidence: signals -> tiers A to D. Pure.

A: the suggestion was applied. B: the commented lines changed before the merge and the author
acknowledged. C: the lines changed and the thread was resolved. D: a weak signal without its
partner, or any signal in a pull request that was not merged. Unknown counts for nothing.
"""

from mining.acknowledgement import answer_of
from postil.records import Acceptance, PullRequest, Record, ReviewThread, Tier

THUMBS = frozenset({"+1", "THUMBS_UP", "heart", "HEART", "hooray", "HOORAY", "rocket", "ROCKET"})
"""Reactions that agree, as GitHub's REST and GraphQL interfaces name them."""


class Evidence(Record, frozen=True, kw_only=True):
    """What git says of a remark; None: it cannot tell."""

    lines_changed: bool | None = None
    suggestion_applied: bool | None = None


def judge(thread: ReviewThread, pull: PullRequest, evidence: Evidence) -> Acceptance:
    """Put all signals of a thread together."""
    acknowledged = _acknowledged(thread, pull.author)
    seen = Acceptance(
        suggestion_applied=evidence.suggestion_applied,
        lines_changed=evidence.lines_changed,
        acknowledged=acknowledged,
        resolved=thread.resolved,
    )
    return Acceptance(
        suggestion_applied=seen.suggestion_applied,
        lines_changed=seen.lines_changed,
        acknowledged=seen.acknowledged,
        resolved=seen.resolved,
        tier=_tier(seen, pull.merged_at is not None),
    )


def _tier(seen: Acceptance, merged: bool) -> Tier | None:
    signals = (seen.suggestion_applied, seen.lines_changed, seen.acknowledged, seen.resolved)
    applied, changed, acknowledged, resolved = (signal is True for signal in signals)
    if not any((applied, changed, acknowledged, resolved)):
        return None
    if not merged:
        return "D"
    if applied:
        return "A"
    if changed and acknowledged:
        return "B"
    return "C" if changed and resolved else "D"


def _acknowledged(thread: ReviewThread, author: str) -> bool:
    """Whether the author agreed; of several replies that say yes or no, the last one counts."""
    if any(r.author == author and r.content in THUMBS for r in thread.reactions):
        return True
    answers = (answer_of(reply.body) for reply in thread.replies if reply.author_kind == "self")
    told = [answer for answer in answers if answer is not None]
    return bool(told) and told[-1]
