"""A review -> workflow commands that GitHub shows on the lines of a pull request. Pure.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-a-warning-message
"""

from collections.abc import Sequence

from bot.saying.placement import PlacedFinding
from postil.prompt import reveal

MOST_SHOWN = 10
"""Annotations of one kind that GitHub shows of a step; the most probable come first."""


def render_annotations(placed: Sequence[PlacedFinding]) -> list[str]:
    """One command a remark. One on a removed line is on its file alone."""
    return [_command(one) for one in placed[:MOST_SHOWN]]


def _command(placed: PlacedFinding) -> str:
    finding, place = placed.finding, placed.place
    span = finding.span
    text = reveal(finding.message)
    where = {"file": span.path}
    if place.kind == "line" and place.side == "RIGHT":
        where |= {"line": str(place.start_line or place.line), "endLine": str(place.line)}
    else:
        side = " before the change" if span.side == "LEFT" else ""
        text = f"(Line {span.end}{side}.) {text}"
    where["title"] = f"Postil, probability {finding.score:.2f}"
    properties = ",".join(f"{name}={_property(value)}" for name, value in where.items())
    return f"::warning {properties}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
