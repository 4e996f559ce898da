"""A draft and how it stands with our comments -> the text of the pull request's summary. Pure.

Every changed file is in it, read or not; names are code, and nothing of the model's words is.
"""

from collections.abc import Sequence

from bot.saying.posting import Standing
from bot.saying.sanitize import code_span, sanitize, shown_path
from postil.records import Draft

MOST_NAMED = 100
"""Files of each list that are named; the rest are counted."""


def write_summary(draft: Draft, standing: Standing) -> str:
    """The summary in markdown, without its markers."""
    rows = [f"| {name} | {told} |" for name, told in _figures(draft)]
    files = [*_files("Reviewed", _reviewed(draft)), *_files("Not reviewed", _skipped(draft))]
    return "\n".join(
        (
            f"**Postil: {_heading(draft, standing)}**",
            "",
            "| | |",
            "|---|---|",
            *rows,
            "",
            "<details><summary>Every changed file</summary>",
            "",
            *files,
            "</details>",
            "",
            f"Of head {code_span(draft.head_sha[:10])}. A program wrote this, so judge it as such.",
        )
    )


def _heading(draft: Draft, standing: Standing) -> str:
    """What came of it, and what became of what was said before."""
    made = _counted(standing.new, "new remark") if standing.new else "nothing new to remark on"
    older = standing.open - standing.new
    parts = [made]
    parts += [f"{_counted(older, 'earlier remark')} open"] if older else []
    parts += [f"{standing.settled} settled"] if standing.settled else []
    return ", ".join(parts)


def _figures(draft: Draft) -> list[tuple[str, str]]:
    silent = draft.windows - len(draft.findings)
    share = f", {silent / draft.windows:.0%}" if draft.windows else ""
    known = draft.precision is not None
    spent = ", ".join(f"{stage} {s:.1f}" for stage, s in draft.seconds.items() if s >= 0.05)
    name = f"{code_span(draft.name)}, " if draft.name else ""
    base = f" on {code_span(draft.base)}" if draft.base else ", without a model"
    left_out = [("left out", _counted(len(draft.skipped), "file"))] if draft.skipped else []
    held_back = f"{_counted(draft.held_back, 'window')} over review.max_comments"
    return [
        ("read", f"{_counted(len(draft.reviewed), 'file')}, {_counted(draft.windows, 'window')}"),
        *left_out,
        ("silent", f"{silent} of {_counted(draft.windows, 'window')}{share}"),
        *([("held back", held_back)] if draft.held_back else []),
        *[("kept to itself", f"{n}: {sanitize(why)}") for why, n in draft.silenced.items()],
        ("threshold", _probability(draft.threshold) or "none, so it says nothing"),
        ("adapter", f"{name}{code_span(draft.adapter)}{base}"),
        (
            "its precision",
            f"{_probability(draft.precision)} in calibration" if known else "not measured",
        ),
        ("time", f"{sum(draft.seconds.values()):.1f} s" + (f" ({spent})" if spent else "")),
        ("cost", f"{draft.cpu_s:.1f} CPU-seconds"),
    ]


def _probability(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _reviewed(draft: Draft) -> list[str]:
    found = [finding.span.path for finding in draft.findings]
    return [
        f"- {shown_path(path)}"
        + (f": {_counted(found.count(path), 'finding')}" if path in found else "")
        for path in draft.reviewed
    ]


def _skipped(draft: Draft) -> list[str]:
    return [f"- {shown_path(path)}: {sanitize(why)}" for path, why in draft.skipped.items()]


def _files(title: str, rows: Sequence[str]) -> list[str]:
    if not rows:
        return []
    more = len(rows) - MOST_NAMED
    shown = [*rows[:MOST_NAMED], *([f"- and {more} more"] if more > 0 else [])]
    return [f"{title}:", "", *shown, ""]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
