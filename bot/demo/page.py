"""The demo's report: one self-contained HTML page, nothing loaded from elsewhere."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bot.demo.exam import Answer, Item, Mark, Result, RuleReader, is_right
from bot.demo.pieces import read_content
from bot.demo.systems import Sat
from bot.demo.unseen import Truth
from finetune.making import Made
from finetune.pages import render_page
from mining.built import Built

TEMPLATE = Path(__file__).parent / "page.html"
SHOWN = 24
"""Examples on the page: unselected, in the order of the exam."""


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """All that happened."""

    built: Built
    made: Made
    items: tuple[Item, ...]
    sat: tuple[Sat, ...]
    results: tuple[Result, ...]
    example: int
    diffs: dict[int, str]
    stages: tuple[tuple[str, float, float], ...]
    truth: Truth


def write_page(story: Story, path: Path) -> Path:
    """Render; see `finetune.pages` for what such a page may hold."""
    adapter, reader = story.sat[0].answers, RuleReader(read_content().rules)
    path.write_text(
        render_page(
            TEMPLATE,
            story=story,
            adapter=story.results[0],
            violations=sum(bool(item.rule) for item in story.items),
            clean=sum(not item.rule for item in story.items),
            parts=_parts(story),
            cpu_minutes=sum(stage[2] for stage in story.stages) / 60,
            machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            when=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            show=_show,
            examples=[
                _example(item, answer, reader)
                for item, answer in list(zip(story.items, adapter, strict=True))[:SHOWN]
            ],
            reviewed=_reviewed(story, reader),
        ),
        encoding="utf-8",
    )
    return path


def _show(mark: Mark) -> str:
    if mark.value is None or mark.low is None or mark.high is None:
        return "none said"
    return f"{mark.value:.0%} ({mark.low:.0%} to {mark.high:.0%})"


def _parts(story: Story) -> list[tuple[str, int, int]]:
    parts = []
    for part in ("train", "validation", "calibration"):
        here = [pair for pair in story.built.pairs if pair.split == part]
        remarks = sum(pair.kind == "remark" for pair in here)
        parts.append((part, remarks, len(here) - remarks))
    return parts


def _example(item: Item, answer: Answer, reader: RuleReader) -> dict[str, Any]:
    if is_right(item, answer):
        same = reader.read(answer.message) == item.rule
        verdict = "right" if same else "its line, but another rule"
    elif item.rule:
        verdict = "wrong line" if answer.line else "missed"
    else:
        verdict = "false alarm" if answer.line else "rightly silent"
    return {"item": item, "answer": answer, "verdict": verdict, "rows": _rows(item, answer)}


def _rows(item: Item, answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "kind": line.kind,
            "number": line.new or line.old,
            "text": line.text,
            "planted": bool(item.line) and line.new == item.line,
            "said": answer.message if answer.line and line.new == answer.line else "",
        }
        for line in item.window.lines
    ]


def _reviewed(story: Story, reader: RuleReader) -> Sequence[dict[str, Any]]:
    pairs = zip(story.items, story.sat[0].answers, strict=True)
    return [_example(item, answer, reader) for item, answer in pairs if item.pull == story.example]
