"""Placed findings -> the markdown of one review. Pure.

In go what was found and what we said before; out come the comments that have a line, and a body
that holds the rest. Every remark carries its own hidden marker, also in the body, so that nothing
is said twice at one place, whatever its wording.
"""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from bot.hosts import LineComment, ReviewText
from bot.saying.earlier import Earlier, unsaid
from bot.saying.placement import Place, PlacedFinding, place_all
from bot.saying.sanitize import code_span, sanitize, shown_path, suggestion_fault
from postil.answer import fence_for
from postil.diff import FileDiff
from postil.marker import Marker, around_keys, fingerprint, render_marker, text_key, words_key
from postil.records import Draft, Finding, Record, Resemblance, Way

ADDRESS = re.compile(r"https://([A-Za-z0-9.-]{1,200})(:\d{1,5})?/[A-Za-z0-9._~/#?=&%+:,;-]{0,500}")
"""Only such addresses become links; parentheses, blanks and @ are left out on purpose."""


class Wording(Record, frozen=True, kw_only=True):
    """How remarks are put: whether they link past ones, name who made those, and when the pull
    request was opened, as far as that is known: nothing younger is shown."""

    way: Way = "write"
    provenance: bool = True
    named: bool = False
    opened: datetime | None = None


def write_review(
    draft: Draft, files: Sequence[FileDiff], earlier: Earlier, key: bytes, wording: Wording
) -> ReviewText | None:
    """Word what is new in a draft; None if nothing is left to say.

    What has no place at all is counted in the body of what has one.
    """
    shown = [one for finding in draft.findings if (one := _dated(finding, wording))]
    placed = unsaid(place_all(shown, files, draft.repo, draft.pull), earlier)
    lines = [
        line_comment(one, _marker(one, draft), key, wording)
        for one in placed
        if one.place.kind == "line"
    ]
    loose = [one for one in placed if one.place.kind == "body"]
    if not lines and not loose:
        return None
    parts = [_heading(len(lines), len(loose), draft.adapter)]
    parts += [_body_remark(one, _marker(one, draft), key, wording) for one in loose]
    parts += [_lost(sum(one.place.kind == "nowhere" for one in placed))]
    return ReviewText(body="\n\n".join(part for part in parts if part), comments=tuple(lines))


def line_comment(
    placed: PlacedFinding, marker: Marker, key: bytes, wording: Wording
) -> LineComment:
    """One comment on its lines."""
    place = placed.place
    return LineComment(
        path=place.path,
        side=place.side,
        line=place.line,
        start_line=place.start_line,
        body=render_comment(placed, marker, key, wording),
    )


def render_comment(placed: PlacedFinding, marker: Marker, key: bytes, wording: Wording) -> str:
    """Message, suggestion where it may be applied, what it resembles, hidden marker.

    What an adapter recalls is shown as the quote that it is.
    """
    finding = placed.finding
    suggestion = usable_suggestion(finding, placed.place)
    quoted = wording.way == "recall"
    parts = [_as_quote(sanitize(finding.message)) if quoted else sanitize(finding.message)]
    if suggestion is not None:
        fence = fence_for(suggestion)
        parts.append(f"{fence}suggestion\n{suggestion}{fence}")
    past = finding.resembles if wording.provenance else ()
    links = [link for one in past if (link := _link(one, wording.named))]
    parts += [_source(links)] if quoted else [_resembles(links)] if links else []
    return "\n\n".join([*parts, render_marker(marker, key)])


def usable_suggestion(finding: Finding, place: Place) -> str | None:
    """The text the host may offer to put in; only for whole lines of the new side."""
    text = finding.suggestion
    if text is None or place.kind != "line" or place.side != "RIGHT" or not place.whole:
        return None
    if suggestion_fault(text) or text == "".join(f"{line}\n" for line in place.text):
        return None
    return text


def _dated(finding: Finding, wording: Wording) -> Finding | None:
    """The finding without what is not known to be older than the pull request; None where that
    is the very remark it quotes."""
    opened = wording.opened
    if opened is None:
        return finding
    older = tuple(one for one in finding.resembles if one.when and one.when < opened)
    if wording.way == "recall" and older[:1] != finding.resembles[:1]:
        return None
    return msgspec.structs.replace(finding, resembles=older)


def _marker(placed: PlacedFinding, draft: Draft) -> Marker:
    place, message = placed.place, placed.finding.message
    on_lines = place.kind == "line"
    return Marker(
        place=place.key,
        fingerprint=fingerprint(place.key, message),
        head_sha=draft.head_sha,
        adapter=draft.adapter,
        text=text_key(place.path, place.side, place.text) if on_lines else "",
        rows=len(place.text) if on_lines else 0,
        around=around_keys(place.path, place.side, place.around),
        words=words_key(message),
    )


def _heading(lines: int, loose: int, adapter: str) -> str:
    count = lines + loose
    noun = "remark" if count == 1 else "remarks"
    return (
        f"{count} {noun}, learned from what this team accepted before."
        f" Adapter {code_span(adapter)}; a program wrote this, so judge it as such."
    )


def _body_remark(placed: PlacedFinding, marker: Marker, key: bytes, wording: Wording) -> str:
    """A remark whose line the diff does not show."""
    place = placed.place
    where = f"**{shown_path(place.path)}, line {place.line}** ({place.reason})"
    return f"{where}\n\n{render_comment(placed, marker, key, wording)}"


def _lost(count: int) -> str:
    return f"{count} more stood on files outside this change." if count else ""


def _as_quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _source(links: Sequence[str]) -> str:
    """Where a quote is from; a quote without a plain address is still said to be one."""
    first, *more = links or ("an earlier review",)
    like = f" Like it: {', '.join(more)}." if more else ""
    return f"Quoted from {first}, where it was accepted on similar code.{like}"


def _resembles(links: Sequence[str]) -> str:
    return f"Resembles what was accepted here before: {', '.join(links)}."


def _link(one: Resemblance, named: bool) -> str:
    """Pull request and day as a link; "" where there is no plain address.

    GitHub writes a backlink into every pull request an address names, but not by this host.
    """
    match = ADDRESS.fullmatch(one.url)
    if match is None or ".." in one.url:
        return ""
    url = one.url
    if match.group(1) == "github.com" and not match.group(2):
        url = url.replace("https://github.com/", "https://redirect.github.com/", 1)
    who = f" by {code_span(one.author)}" if named and one.author else ""
    what = f"pull request {one.pull}{who}" if one.pull else f"an earlier remark{who}"
    when = f", {one.when:%Y-%m-%d}" if one.when else ""
    return f"[{what}{when}](<{url}>)"
