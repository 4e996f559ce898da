"""The shapes in which a review is written on stdout, by name. Pure."""

from collections.abc import Callable, Mapping, Sequence

from bot.output.annotations import render_annotations
from bot.output.render import render_json, render_markdown, render_text
from bot.output.sarif import render_sarif
from bot.review import Reviewed
from bot.saying.placement import PlacedFinding

Render = Callable[[Reviewed, Sequence[PlacedFinding]], str]


def _annotations(_reviewed: Reviewed, placed: Sequence[PlacedFinding]) -> str:
    return "\n".join(render_annotations(placed))


SHAPES: Mapping[str, Render] = {
    "text": render_text,
    "json": render_json,
    "sarif": render_sarif,
    "github": _annotations,
    "markdown": render_markdown,
}
