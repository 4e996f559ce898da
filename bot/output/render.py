"""A review -> text for people, JSON for programs, markdown for a job's summary. Pure.

The JSON is the schema of DESIGN.md §7; whoever changes it raises its number.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from bot.review import Reviewed
from bot.saying.placement import PlacedFinding
from bot.saying.sanitize import code_span, sanitize
from postil.prompt import reveal

SCHEMA = 1


def render_json(reviewed: Reviewed, placed: Sequence[PlacedFinding]) -> str:
    """The review as one JSON object; `adapter` and `base` are null where none spoke."""
    document = {
        "schema": SCHEMA,
        "adapter": reviewed.adapter or None,
        "base": reviewed.base or None,
        "threshold": reviewed.threshold,
        "findings": [_finding(one) for one in placed],
        "reviewed": list(reviewed.reviewed),
        "skipped": [{"path": path, "reason": why} for path, why in reviewed.skipped.items()],
        "seconds": {stage: round(spent, 3) for stage, spent in reviewed.seconds.items()},
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def _finding(placed: PlacedFinding) -> dict[str, Any]:
    finding, place = placed.finding, placed.place
    return {
        "span": finding.span,
        "message": finding.message,
        "suggestion": finding.suggestion,
        "probability": finding.score,
        "place": {"kind": place.kind, "reason": place.reason},
        "resembles": [
            {"url": one.url, "when": one.when, "similarity": one.similarity}
            for one in finding.resembles
        ],
    }


def render_text(reviewed: Reviewed, placed: Sequence[PlacedFinding]) -> str:
    """The review for a terminal; nothing the model wrote can move the cursor."""
    blocks = [_text_finding(one) for one in placed]
    lines = ["\n\n".join(blocks), ""] if blocks else []
    lines.append(summary_line(reviewed))
    lines += [f"not reviewed: {reveal(path)}: {why}" for path, why in reviewed.skipped.items()]
    lines += notes(reviewed)
    return "\n".join(lines)


def _text_finding(placed: PlacedFinding) -> str:
    finding, place = placed.finding, placed.place
    span = finding.span
    where = f"{span.start}-{span.end}" if span.start < span.end else str(span.start)
    old = " (before the change)" if span.side == "LEFT" else ""
    rows = [f"{reveal(span.path)}:{where}{old}  probability {finding.score:.2f}"]
    rows += [f"    {line}".rstrip() for line in _plain(finding.message)]
    if finding.suggestion is not None:
        rows.append("    instead:" if finding.suggestion else "    delete these lines")
        rows += [f"    + {line}" for line in _plain(finding.suggestion.removesuffix("\n"))]
    for one in finding.resembles:
        when = f" of {one.when:%Y-%m-%d}" if one.when else ""
        rows.append(f"    resembles {one.similarity:.2f}{when}: {reveal(one.url)}")
    if place.kind != "line":
        rows.append(f"    has no line on a host: {place.reason}")
    return "\n".join(rows)


def _plain(text: str) -> list[str]:
    lines = reveal(text.replace("\r\n", "\n")).split("\n") if text else []
    return [line.replace("\r", "<U+000D>") for line in lines]


def summary_line(reviewed: Reviewed) -> str:
    """What was read and what came of it, in one line."""
    if not reviewed.reviewed and not reviewed.skipped:
        return "nothing to review: the diff is empty"
    if not reviewed.adapter:
        return "nothing is said: no adapter is promoted for this repository"
    count, files = len(reviewed.findings), len(reviewed.reviewed)
    who = f" by {reviewed.adapter} on {reviewed.base or 'its memory alone'}"
    return (
        f"{count} {'remark' if count == 1 else 'remarks'};"
        f" {files} {'file' if files == 1 else 'files'} reviewed{who}"
        f" in {reviewed.windows} {'window' if reviewed.windows == 1 else 'windows'}"
    )


def notes(reviewed: Reviewed) -> list[str]:
    """What a reader should know besides: what was held back, dropped, and how long it took."""
    lines: list[str] = []
    if reviewed.adapter and reviewed.threshold is None:
        lines.append("this adapter has no calibrated threshold, so it says nothing")
    if reviewed.held_back:
        lines.append(f"{reviewed.held_back} more held back by review.max_comments")
    for why, count in reviewed.dropped.items():
        lines.append(f"{count} dropped: the message was unusable ({why})")
    for why, count in reviewed.silenced.items():
        lines.append(f"{count} kept to itself ({why})")
    if reviewed.seconds:
        spent = ", ".join(f"{stage} {s:.1f} s" for stage, s in reviewed.seconds.items())
        lines.append(f"time: {spent}")
    return lines


def render_markdown(reviewed: Reviewed, placed: Sequence[PlacedFinding]) -> str:
    """Every remark, what was not read, and the notes, as harmless markdown."""
    parts = [sanitize(summary_line(reviewed))]
    for one in placed:
        span = one.finding.span
        where = f"{span.path}:{span.end}" + (" (before the change)" if span.side == "LEFT" else "")
        parts += [
            f"**{code_span(where)}**, probability {one.finding.score:.2f}",
            sanitize(one.finding.message),
        ]
    rows = [f"- {code_span(path)}: {sanitize(why)}" for path, why in reviewed.skipped.items()]
    parts += ["Not reviewed:", "\n".join(rows)] if rows else []
    return "\n\n".join(parts + [f"- {sanitize(line)}" for line in notes(reviewed)])
