"""Placed findings -> the markdown of one review. Pure.

In go what was found and what we said before; out come the comments that have a line, and a body
that holds the rest and names what was not read. Every remark carries its own hidden marker, also
in the body, so that nothing is said twice at one place, whatever its wording.
"""

import re
from collections.abc import Collection, Sequence

from bot.hosts import LineComment, ReviewText
from bot.placement import Place, PlacedFinding, place_all
from bot.sanitize import code_span, sanitize, suggestion_fault
from postil.answer import fence_for
from postil.diff import FileDiff
from postil.marker import Marker, fingerprint, render_marker
from postil.records import Draft, Finding, Resemblance

MOST_NAMED = 30
"""Files named in the body as not reviewed; the rest are counted."""

LONGEST_PATH = 200
ADDRESS = re.compile(r"https://([A-Za-z0-9.-]{1,200})(:\d{1,5})?/[A-Za-z0-9._~/#?=&%+:,;-]{0,500}")
"""Only such addresses become links; parentheses, blanks and @ are left out on purpose."""


def write_review(
    draft: Draft,
    files: Sequence[FileDiff],
    said: Collection[str],
    key: bytes,
    *,
    provenance: bool = True,
) -> ReviewText | None:
    """Word a draft, leaving out places in `said` (place keys); None if nothing is left to say.

    What has no place at all is counted in the body of what has one.
    """
    placed = _once(place_all(draft.findings, files, draft.repo, draft.pull), said)
    lines = [
        line_comment(one, _marker(one, draft), key, provenance)
        for one in placed
        if one.place.kind == "line"
    ]
    loose = [one for one in placed if one.place.kind == "body"]
    if not lines and not loose:
        return None
    parts = [_heading(len(lines), len(loose), draft.adapter)]
    parts += [_body_remark(one, _marker(one, draft), key, provenance) for one in loose]
    parts += [_lost(sum(one.place.kind == "nowhere" for one in placed)), _unread(draft.skipped)]
    return ReviewText(body="\n\n".join(part for part in parts if part), comments=tuple(lines))


def line_comment(
    placed: PlacedFinding, marker: Marker, key: bytes, provenance: bool = True
) -> LineComment:
    """One comment on its lines."""
    place = placed.place
    return LineComment(
        path=place.path,
        side=place.side,
        line=place.line,
        start_line=place.start_line,
        body=render_comment(placed, marker, key, provenance),
    )


def render_comment(
    placed: PlacedFinding, marker: Marker, key: bytes, provenance: bool = True
) -> str:
    """Message, suggestion where it may be applied, what it resembles, hidden marker."""
    finding = placed.finding
    suggestion = usable_suggestion(finding, placed.place)
    parts = [sanitize(finding.message)]
    if suggestion is not None:
        fence = fence_for(suggestion)
        parts.append(f"{fence}suggestion\n{suggestion}{fence}")
    if provenance and (links := _links(finding.resembles)):
        parts.append(links)
    return "\n\n".join([*parts, render_marker(marker, key)])


def usable_suggestion(finding: Finding, place: Place) -> str | None:
    """The text the host may offer to put in; only for whole lines of the new side."""
    text = finding.suggestion
    if text is None or place.kind != "line" or place.side != "RIGHT" or not place.whole:
        return None
    if suggestion_fault(text) or text == "".join(f"{line}\n" for line in place.text):
        return None
    return text


def _once(placed: Sequence[PlacedFinding], said: Collection[str]) -> list[PlacedFinding]:
    """Each place once, and none that was spoken of."""
    seen = set(said)
    kept: list[PlacedFinding] = []
    for one in placed:
        key = one.place.key
        if not key or key not in seen:
            kept.append(one)
            seen.add(key)
    return kept


def _marker(placed: PlacedFinding, draft: Draft) -> Marker:
    place = placed.place.key
    return Marker(
        place=place,
        fingerprint=fingerprint(place, placed.finding.message),
        head_sha=draft.head_sha,
        adapter=draft.adapter,
    )


def _heading(lines: int, loose: int, adapter: str) -> str:
    count = lines + loose
    noun = "remark" if count == 1 else "remarks"
    return (
        f"{count} {noun}, learned from what this team accepted before."
        f" Adapter {code_span(adapter)}; a program wrote this, so judge it as such."
    )


def _body_remark(placed: PlacedFinding, marker: Marker, key: bytes, provenance: bool) -> str:
    """A remark whose line the diff does not show."""
    place = placed.place
    where = f"**{_path(place.path)}, line {place.line}** ({place.reason})"
    return f"{where}\n\n{render_comment(placed, marker, key, provenance)}"


def _lost(count: int) -> str:
    return f"{count} more stood on files outside this change." if count else ""


def _unread(skipped: dict[str, str]) -> str:
    """The files that were not read, each with the reason."""
    if not skipped:
        return ""
    rows = [f"- {_path(path)}: {sanitize(why)}" for path, why in list(skipped.items())[:MOST_NAMED]]
    more = len(skipped) - len(rows)
    rows += [f"- and {more} more"] if more > 0 else []
    return "\n".join(["Not reviewed:", "", *rows])


def _path(path: str) -> str:
    shown = path if len(path) <= LONGEST_PATH else f"…{path[-LONGEST_PATH:]}"
    return code_span(shown)


def _links(resembles: Sequence[Resemblance]) -> str:
    """The line that links past remarks; "" where none has a plain address."""
    links = [link for one in resembles if (link := _link(one))]
    return f"Resembles what was accepted here before: {', '.join(links)}." if links else ""


def _link(one: Resemblance) -> str:
    """GitHub writes a backlink into every pull request an address names, but not by this host."""
    match = ADDRESS.fullmatch(one.url)
    if match is None or ".." in one.url:
        return ""
    url = one.url
    if match.group(1) == "github.com" and not match.group(2):
        url = url.replace("https://github.com/", "https://redirect.github.com/", 1)
    when = f"{one.when:%Y-%m-%d}" if one.when else "an earlier remark"
    return f"[{when}](<{url}>)"
