"""A finding and a diff -> a place that the host accepts, or why there is none. Pure.

A line comment must stand on lines of one side of one hunk (kept lines count on both sides);
anything else is a 422 for the whole review, the offender unnamed. So what has no such line goes
into the review's body, and what is on a file outside the change goes nowhere, each with a reason.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Literal, get_args

from postil.diff import FileDiff, Hunk
from postil.marker import place_key, text_key
from postil.records import Finding, Record, Side

PlaceKind = Literal["line", "body", "nowhere"]
NEARBY = 5
"""Lines; what is closer is about the same thing."""


class Place(Record, frozen=True, kw_only=True):
    """Where a finding goes. Lines and side are those of a line comment, else of its span.

    `text` are the lines under it, `around` those before and after, `nearby` all within NEARBY of
    them, empty where the diff does not show them; `key` is the place key (DESIGN.md §3a), "" for
    nowhere. `whole` is False where only the last part of the span could be shown, so that a
    suggestion for all of it no longer fits.
    """

    kind: PlaceKind
    reason: str = ""
    path: str
    side: Side
    line: int
    start_line: int | None = None
    start_side: Side | None = None
    text: tuple[str, ...] = ()
    around: tuple[str, str] = ("", "")
    nearby: tuple[str, ...] = ()
    whole: bool = True
    key: str = ""


class PlacedFinding(Record, frozen=True, kw_only=True):
    """A finding and its place."""

    finding: Finding
    place: Place


class _Run(Record, frozen=True, kw_only=True):
    """Consecutive lines of one side of one hunk: the number of the first, and their texts."""

    first: int
    texts: tuple[str, ...]


def place_all(
    findings: Sequence[Finding], files: Sequence[FileDiff], repo: str = "", pull: int = 0
) -> list[PlacedFinding]:
    """Place every finding, in order."""
    return [
        PlacedFinding(finding=finding, place=place_finding(finding, files, repo, pull))
        for finding in findings
    ]


def place_finding(
    finding: Finding, files: Sequence[FileDiff], repo: str = "", pull: int = 0
) -> Place:
    """The place of one finding on a diff; lines beyond the hunk of its last one are let go."""
    span = finding.span
    shown = [file for file in files if file.path == span.path]
    if not shown:
        reason = "its file is not part of the change"
        return Place(kind="nowhere", reason=reason, path=span.path, side=span.side, line=span.end)
    runs = [_run(hunk, span.side) for file in shown for hunk in file.hunks]
    for index, run in enumerate(runs):
        last = span.end - run.first
        if 0 <= last < len(run.texts):
            return _on_lines(finding, runs, index, repo, pull)
    return Place(
        kind="body",
        reason="its line is not shown in the diff",
        path=span.path,
        side=span.side,
        line=span.end,
        key=place_key(repo, pull, span.path, (), (str(span.start), str(span.end)), 0),
    )


def _on_lines(finding: Finding, runs: Sequence[_Run], index: int, repo: str, pull: int) -> Place:
    """The place on the lines of the run that shows the last line of the finding."""
    span, run = finding.span, runs[index]
    start = max(span.start, run.first)
    top, bottom = start - run.first, span.end - run.first
    text, around = _cut(run, top, bottom)
    same = _stripped((text, around))
    earlier = sum(
        _stripped(_cut(other, at, at + bottom - top)) == same
        for number, other in enumerate(runs[: index + 1])
        for at in range(top if number == index else len(other.texts) - (bottom - top))
    )
    several = start < span.end
    return Place(
        kind="line",
        reason="" if start == span.start else "begins in another hunk; shown on its last lines",
        path=span.path,
        side=span.side,
        line=span.end,
        start_line=start if several else None,
        start_side=span.side if several else None,
        text=text,
        around=around,
        nearby=run.texts[max(0, top - NEARBY) : bottom + 1 + NEARBY],
        whole=start == span.start,
        key=place_key(repo, pull, span.path, text, around, earlier),
    )


def find_places(
    files: Sequence[FileDiff], wanted: Collection[tuple[str, int]], repo: str, pull: int
) -> dict[str, list[str]]:
    """The place keys, in the order of the diff, of all lines with some text key.

    `wanted` are text keys and how many lines each is of. What is nowhere has an empty list.
    """
    found: dict[str, list[str]] = {text: [] for text, _ in wanted}
    for path, side, runs in _sides(files) if wanted else ():
        for rows in {rows for _, rows in wanted}:
            seen: Counter[tuple[tuple[str, ...], tuple[str, str]]] = Counter()
            for run in runs:
                for top in range(len(run.texts) - rows + 1):
                    lines, around = _cut(run, top, top + rows - 1)
                    text = text_key(path, side, lines)
                    if text in found:
                        same = _stripped((lines, around))
                        key = place_key(repo, pull, path, lines, around, seen[same])
                        found[text].append(key)
                        seen[same] += 1
    return found


def _sides(files: Sequence[FileDiff]) -> Iterator[tuple[str, Side, list[_Run]]]:
    """Both sides of every file; a path that comes twice is one file."""
    for path in dict.fromkeys(file.path for file in files):
        hunks = [hunk for file in files if file.path == path for hunk in file.hunks]
        for side in get_args(Side):
            yield path, side, [_run(hunk, side) for hunk in hunks]


def _run(hunk: Hunk, side: Side) -> _Run:
    """One side of a hunk; its numbers rise by one, so the first tells them all."""
    numbered = [
        (number, line.text)
        for line in hunk.lines
        if (number := line.new if side == "RIGHT" else line.old) is not None
    ]
    texts = tuple(text for _, text in numbered)
    return _Run(first=numbered[0][0] if numbered else 1, texts=texts)


def _cut(run: _Run, top: int, bottom: int) -> tuple[tuple[str, ...], tuple[str, str]]:
    """The texts from index `top` to `bottom`, both included, and the lines around them."""
    before = run.texts[top - 1] if top > 0 else ""
    after = run.texts[bottom + 1] if bottom + 1 < len(run.texts) else ""
    return run.texts[top : bottom + 1], (before, after)


def _stripped(
    cut: tuple[tuple[str, ...], tuple[str, str]],
) -> tuple[tuple[str, ...], tuple[str, str]]:
    """As the place key sees it: indentation does not tell two places apart."""
    return tuple(line.strip() for line in cut[0]), (cut[1][0].strip(), cut[1][1].strip())
