"""One pull request on a host, reviewed here and now, without a queue: the command and the Action.

Reads the pull request and its diff, reviews, and posts one review unless our marker for this head
stands there already. Deciding and posting are apart, so that a caller may only look.
"""

from bot.hosts import PullHead, Pulls, review_marker
from bot.placement import PlacedFinding, place_all
from bot.review import Reviewed
from bot.reviewers import AdapterReviewer, draft_of
from postil.diff import parse_diff
from postil.errors import HostingError
from postil.marker import render_marker
from postil.records import Record


class PullReview(Record, frozen=True, kw_only=True):
    """What was read of one head."""

    head: PullHead
    diff: str
    reviewed: Reviewed
    placed: tuple[PlacedFinding, ...]


def read_pull(pulls: Pulls, number: int, reader: AdapterReviewer) -> PullReview:
    """Review the pull request as it stands; HostingError if it moves while it is read."""
    head = pulls.read_pull(number)
    diff = pulls.read_diff(number)
    if pulls.read_pull(number).head_sha != head.head_sha:
        raise HostingError(f"{head.repo}#{number}: was pushed to while it was read; run again")
    reviewed = reader.read(head.repo, diff)
    placed = place_all(reviewed.findings, parse_diff(diff), head.repo, number)
    return PullReview(head=head, diff=diff, reviewed=reviewed, placed=tuple(placed))


def post_pull(pulls: Pulls, read: PullReview, reader: AdapterReviewer, key: bytes) -> str:
    """Post what was found as one review; what was done, in words."""
    head = read.head
    if head.state != "open":
        return "nothing posted: the pull request is closed"
    if read.reviewed.shadow:
        return f"nothing posted: {read.reviewed.adapter} was not promoted to speak"
    marker = review_marker(head, read.reviewed.adapter)
    earlier = pulls.our_comments(head.number)
    if any(comment.place == marker.place for comment in earlier):
        return "nothing posted: this head was reviewed before"
    text = reader.say(head, read.diff, draft_of(head, read.reviewed), earlier)
    if text is None:
        said = ": all of it was said before" if read.reviewed.findings else ": nothing to say"
        return f"nothing posted{said}"
    body = f"{text.body}\n\n{render_marker(marker, key)}"
    pulls.post_review(head.number, head.head_sha, body, text.comments)
    return f"posted one review with {len(text.comments)} line comments"
