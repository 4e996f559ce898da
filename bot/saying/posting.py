"""A draft onto the host: what every door does once there is something to post.

One review with all line comments in one call; older comments whose lines are gone are settled; one
summary is written anew in place. Each effect looks for its own marker first, so all of it may be
run again at any time, and a second run on the same head changes nothing.
"""

import logging
from collections.abc import Callable, Sequence

from bot.hosts import PullHead, Pulls, ReviewText, review_marker, summary_marker
from bot.saying.earlier import look_back
from postil.diff import parse_diff
from postil.errors import HostingError
from postil.marker import Marker, markers_of, render_marker
from postil.records import Draft, PostedComment, Record

log = logging.getLogger(__name__)

MOST_REMEMBERED = 60
"""Markers that a summary repeats, the newest: about 500 of its 65,536 characters each."""

SayReview = Callable[[PullHead, str, Draft, Sequence[PostedComment]], ReviewText | None]
"""Places a draft on its diff and words it, leaving out what was said; None: nothing to say."""


class Standing(Record, frozen=True, kw_only=True):
    """How it stands with all our line comments on a pull request, after a review."""

    new: int = 0
    open: int = 0
    settled: int = 0
    """Their lines are gone, or a person resolved them."""


SumUp = Callable[[PullHead, Draft, Standing], str]
"""The text of the summary; "" where there is to be none."""


def no_summary(_head: PullHead, _draft: Draft, _standing: Standing) -> str:
    """There is to be none."""
    return ""


def post_draft(
    pulls: Pulls,
    head: PullHead,
    diff: str,
    draft: Draft,
    say: SayReview,
    sum_up: SumUp,
    key: bytes,
    *,
    begin: Callable[[], bool] = lambda: True,
) -> str:
    """Post what is new of a draft for this head; what was done, in words.

    `begin` is asked before a review is sent; where it says no, nothing is done, and "" returned.
    HostingError where a review is not known to have been posted.
    """
    if not draft.adapter:
        return "nothing to say: no adapter is promoted for this repository"
    earlier = pulls.our_comments(head.number)
    if any(one.head_sha == head.head_sha for one in _summaries(earlier, head)):
        return "this head was reviewed before"
    new: list[Marker] = []
    marker = review_marker(head, draft.adapter)
    if any(one.place == marker.place for one in earlier):
        done = "the review stood there already"
    elif (text := say(head, diff, draft, earlier)) is None:
        done = "nothing new to say" if draft.findings else "nothing to say"
    else:
        if not begin():
            return ""
        body = f"{text.body}\n\n{render_marker(marker, key)}"
        pulls.post_review(head.number, head.head_sha, body, text.comments)
        new = [one for c in text.comments for one in markers_of(c.body, key)]
        done = f"posted one review with {_counted(len(text.comments), 'line comment')}"
    settled = _settle(pulls, head, diff, earlier)
    summed = _summarise(pulls, head, draft, sum_up, earlier, settled, new, key)
    gone = f"{len(settled)} settled" if settled else ""
    return "; ".join(part for part in (done, gone, summed) if part)


def _summaries(earlier: Sequence[PostedComment], head: PullHead) -> list[PostedComment]:
    """The pull request's summary; two where two doors wrote at once."""
    mark = summary_marker(head, "").place
    return [one for one in earlier if one.said_in == "summary" and one.place == mark]


def _settle(pulls: Pulls, head: PullHead, diff: str, earlier: Sequence[PostedComment]) -> set[str]:
    """Settle the comments whose lines are gone; their places. What may not be done is left."""
    done: set[str] = set()
    for comment in look_back(earlier, parse_diff(diff), head.repo, head.number).gone:
        try:
            pulls.settle(head.number, comment, head.head_sha)
        except HostingError as error:
            if not error.lasting:
                raise
            log.warning("not settled comment=%d reason=%s", comment.comment_id, error)
        else:
            done.add(comment.place)
    return done


def _summarise(
    pulls: Pulls,
    head: PullHead,
    draft: Draft,
    sum_up: SumUp,
    earlier: Sequence[PostedComment],
    settled: set[str],
    new: Sequence[Marker],
    key: bytes,
) -> str:
    """Write the summary where there is to be one; what is to be said of it, "" if it went well."""
    text = sum_up(head, draft, _stand(earlier, settled, len(new)))
    if not text:
        return ""
    said = {one.place: _marker_of(one) for one in earlier if one.text}
    said |= {one.place: one for one in new}
    repeated = [render_marker(one, key) for one in list(said.values())[-MOST_REMEMBERED:]]
    own = render_marker(summary_marker(head, draft.adapter), key)
    oldest = min((one.comment_id for one in _summaries(earlier, head)), default=None)
    try:
        pulls.put_summary(head.number, "\n".join((text, "", *repeated, own)), oldest)
    except HostingError as error:
        if not error.lasting:
            raise
        return f"no summary ({error})"
    return ""


def _stand(earlier: Sequence[PostedComment], settled: set[str], new: int) -> Standing:
    comments = [one for one in earlier if one.said_in == "comment" and one.text]
    still = sum(one.open and not one.settled and one.place not in settled for one in comments)
    return Standing(new=new, open=still + new, settled=len(comments) - still)


def _marker_of(comment: PostedComment) -> Marker:
    return Marker(
        place=comment.place,
        fingerprint=comment.fingerprint,
        head_sha=comment.head_sha,
        adapter=comment.adapter,
        text=comment.text,
        rows=comment.rows,
        around=comment.around,
        words=comment.words,
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
