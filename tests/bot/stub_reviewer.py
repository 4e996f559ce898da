"""A deterministic reviewer: it remarks on the first added line of every file, and counts calls."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.hosts import LineComment, PullHead, ReviewText
from bot.work.steps import Reviewer
from postil.diff import parse_diff
from postil.marker import Marker, fingerprint, place_key, render_marker
from postil.records import Draft, Finding, PostedComment, Span

ADAPTER = "stub"


def review(head: PullHead, diff: str) -> Draft:
    """One finding a file."""
    findings = []
    for file in parse_diff(diff):
        lines = [line for hunk in file.hunks for line in hunk.lines if line.kind == "+"]
        if lines and lines[0].new is not None:
            span = Span(path=file.path, side="RIGHT", start=lines[0].new, end=lines[0].new)
            findings.append(Finding(span=span, message="Is this line needed?", score=0.9))
    return Draft(
        repo=head.repo,
        pull=head.number,
        head_sha=head.head_sha,
        adapter=ADAPTER,
        findings=tuple(findings),
        reviewed=tuple(finding.span.path for finding in findings),
        skipped={},
    )


def say(
    key: bytes, head: PullHead, diff: str, draft: Draft, earlier: Sequence[PostedComment]
) -> ReviewText | None:
    """Every finding as a line comment with a marker, whatever was said `earlier`.

    So a doubled review is the poster's fault, and shows.
    """
    comments = []
    for finding in draft.findings:
        span = finding.span
        place = place_key(head.repo, head.number, span.path, (str(span.start),), ("", ""), 0)
        marker = Marker(
            place=place,
            fingerprint=fingerprint(place, finding.message),
            head_sha=head.head_sha,
            adapter=draft.adapter,
        )
        body = f"{finding.message}\n\n{render_marker(marker, key)}"
        comments.append(LineComment(path=span.path, side="RIGHT", line=span.end, body=body))
    if not comments:
        return None
    return ReviewText(body=f"{len(comments)} remarks.", comments=tuple(comments))


@dataclass
class StubReviewer:
    """Counts what it was asked; `gate` holds every question until it is set."""

    key: bytes
    asked: list[PullHead] = field(default_factory=list)
    gate: threading.Event | None = None

    def reviewer(self) -> Reviewer:
        """As `bot.work.steps` wants it."""
        return Reviewer(
            review=self._review,
            say=lambda head, diff, draft, earlier: say(self.key, head, diff, draft, earlier),
        )

    def _review(self, head: PullHead, diff: str) -> Draft:
        self.asked.append(head)
        if self.gate is not None:
            self.gate.wait(30)
        return review(head, diff)
