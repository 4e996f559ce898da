"""One pull request on a host, reviewed here and now, without a queue: the command and the Action.

Reads the pull request and its diff, reviews, and posts one review unless our marker for this head
stands there already. Deciding and posting are apart, so that a caller may only look.
"""

from collections.abc import Callable

from bot.hosts import PullHead, Pulls
from bot.review import Reviewed
from bot.reviewers import AdapterReviewer, draft_of, reviewed_of
from bot.saying.placement import PlacedFinding, place_all
from bot.saying.posting import post_draft
from postil.diff import parse_diff
from postil.errors import HostingError
from postil.records import Draft, Record


class PullReview(Record, frozen=True, kw_only=True):
    """What was read of one head."""

    head: PullHead
    diff: str
    reviewed: Reviewed
    placed: tuple[PlacedFinding, ...]


Kept = Callable[[str, int, str], Draft | None]
"""What was kept of a repository's pull request at some head."""


def read_pull(
    pulls: Pulls, number: int, reader: AdapterReviewer, kept: Kept = lambda *_: None
) -> PullReview:
    """Review the pull request as it stands; HostingError if it moves while it is read.

    What the same adapter said of this head before is taken from what was kept.
    """
    head = pulls.read_pull(number)
    diff = pulls.read_diff(number)
    if pulls.read_pull(number).head_sha != head.head_sha:
        raise HostingError(f"{head.repo}#{number}: was pushed to while it was read; run again")
    draft = kept(head.repo, number, head.head_sha)
    if draft and not draft.shadow and draft.adapter == reader.adapter_of(head.repo, head.number):
        reviewed = reviewed_of(draft)
    else:
        reviewed = reader.read(head.repo, diff, head.newcomer, pull=head.number)
    placed = place_all(reviewed.findings, parse_diff(diff), head.repo, number)
    return PullReview(head=head, diff=diff, reviewed=reviewed, placed=tuple(placed))


def post_pull(pulls: Pulls, read: PullReview, reader: AdapterReviewer, key: bytes) -> str:
    """Post what was found as one review; what was done, in words."""
    head = read.head
    if head.state != "open":
        return "nothing posted: the pull request is closed"
    if read.reviewed.shadow:
        return f"nothing posted: {read.reviewed.adapter} was not promoted to speak"
    draft = draft_of(head, read.reviewed)
    done = post_draft(pulls, head, read.diff, draft, reader.say, reader.sum_up, key)
    return done if done.startswith("posted") else f"nothing posted: {done}"
