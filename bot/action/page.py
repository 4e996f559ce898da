"""What a review came to -> markdown for the summary of a workflow's job. Pure."""

import hashlib
from collections.abc import Sequence

from bot.output.render import notes, summary_line
from bot.review import Reviewed
from bot.saying.placement import PlacedFinding
from bot.saying.sanitize import code_span, sanitize

MOST_NAMED = 100
"""Files that are named as not reviewed; the rest are counted."""
LONGEST_PATH = 200
PIPE = "\\|"
"""A bar inside a table's cell."""


def write_page(
    reviewed: Reviewed,
    placed: Sequence[PlacedFinding],
    pull_url: str,
    number: int,
    head_sha: str,
    detail: str,
    precision: float | None,
    origin: str,
) -> str:
    """The whole page: what was done, the remarks with links, what was not read, and why."""
    parts = [
        f"## Postil: [pull request {number}](<{pull_url}>) at {code_span(head_sha[:10])}",
        f"**{sanitize(detail)}**",
        sanitize(summary_line(reviewed)),
        _findings(placed, pull_url),
        _unread(reviewed.skipped),
    ]
    told = [_precision(precision)] if reviewed.adapter else []
    told += [*notes(reviewed), origin]
    parts.append("\n".join(f"- {sanitize(line)}" for line in told))
    return "\n\n".join(part for part in parts if part) + "\n"


def write_failure(message: str) -> str:
    """The page of a run that came to nothing."""
    return f"## Postil: nothing was reviewed\n\n{sanitize(message)}\n"


def write_note(reason: str) -> str:
    """The page of a run that had nothing to do."""
    return f"## Postil: nothing to do\n\n{sanitize(reason)}\n"


def _findings(placed: Sequence[PlacedFinding], pull_url: str) -> str:
    if not placed:
        return ""
    rows = [_row(one, pull_url) for one in placed]
    return "\n".join(["| line | remark | probability | like |", "|---|---|---|---|", *rows])


def _row(placed: PlacedFinding, pull_url: str) -> str:
    finding = placed.finding
    span = finding.span
    name = f"{_shown(span.path)}:{span.end}" + (" (before)" if span.side == "LEFT" else "")
    # The anchor that GitHub gives a line of a file in the diff.
    anchor = f"diff-{hashlib.sha256(span.path.encode()).hexdigest()}{span.side[0]}{span.end}"
    where = f"[{code_span(name)}](<{pull_url}/files#{anchor}>)"
    said = sanitize(" ".join(finding.message.split()))
    past = finding.resembles[0] if finding.resembles else None
    like = f"{past.similarity:.2f}" if past else ""
    cells = [where, said, f"{finding.score:.2f}", like]
    return "".join(f"| {cell.replace('|', PIPE)} " for cell in cells) + "|"


def _unread(skipped: dict[str, str]) -> str:
    if not skipped:
        return ""
    rows = [
        f"- {code_span(_shown(path))}: {sanitize(why)}"
        for path, why in list(skipped.items())[:MOST_NAMED]
    ]
    more = len(skipped) - len(rows)
    rows += [f"- and {more} more"] if more else []
    title = f"Not reviewed: {len(skipped)} {'file' if len(skipped) == 1 else 'files'}"
    listed = "\n".join(rows)
    if len(skipped) <= 10:
        return f"{title}\n\n{listed}"
    return f"<details><summary>{title}</summary>\n\n{listed}\n\n</details>"


def _shown(path: str) -> str:
    return path if len(path) <= LONGEST_PATH else f"…{path[-LONGEST_PATH:]}"


def _precision(precision: float | None) -> str:
    if precision is None:
        return "its precision was not measured"
    return f"precision measured in calibration: {precision:.0%} of its remarks were right"
