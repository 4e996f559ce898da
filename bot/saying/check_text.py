"""What a check run says of a review. Pure.

Its conclusion is `neutral` or `success`, never `failure`: Postil blocks no merge.
"""

from typing import Any, Literal

from bot.saying.sanitize import code_span
from postil.records import Draft, Record

MOST_ANNOTATIONS = 50
"""GitHub takes no more in one request; there is one request."""
LONGEST_MESSAGE = 2000

Conclusion = Literal["success", "neutral", "cancelled"]


class CheckText(Record, frozen=True, kw_only=True):
    """The end of a check run; `annotations` as GitHub wants them."""

    conclusion: Conclusion
    title: str
    summary: str
    annotations: tuple[dict[str, Any], ...] = ()


def check_of_draft(draft: Draft, detail: str) -> CheckText:
    """What was found, with an annotation for each remark on the new side."""
    count = len(draft.findings)
    noun = "remark" if count == 1 else "remarks"
    lines = [f"{detail}.", f"Adapter {code_span(draft.adapter)}; {len(draft.reviewed)} files read."]
    if draft.skipped:
        lines.append(f"{len(draft.skipped)} files not read.")
    return CheckText(
        conclusion="neutral" if count else "success",
        title=f"{count} {noun}" if count else "Nothing to say",
        summary="\n\n".join(lines),
        annotations=tuple(
            {
                "path": finding.span.path,
                "start_line": finding.span.start,
                "end_line": finding.span.end,
                "annotation_level": "notice",
                "title": f"Probability {finding.score:.2f}",
                "message": finding.message[:LONGEST_MESSAGE],
            }
            for finding in draft.findings[:MOST_ANNOTATIONS]
            if finding.span.side == "RIGHT"
        ),
    )


def check_without_review(detail: str) -> CheckText:
    """Why there is no review: it was given up, or a newer one takes its place."""
    return CheckText(conclusion="neutral", title="No review", summary=f"{detail}.")
