"""A scorecard, a card and a run's steps -> the report of an adapter, one HTML page.

The page tells the verdict first, then what it rests on, then what is not known. Nothing is
measured here, so a page can be made again from what was kept.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from finetune.evaluation.drawn import draw_calibration, draw_loss, draw_precision
from finetune.evaluation.judgement import judge
from finetune.evaluation.limits import limits_of
from finetune.evaluation.scorecard import Mistake, PastRemark, Said, SampleView, Scorecard
from finetune.evaluation.tables import ENGINE_ROWS
from finetune.evaluation.trial import ADAPTER
from finetune.evaluation.verdict import say_verdict
from finetune.pages import render_page
from finetune.pages.hunks import Past, Role, Row, Voice, rows_of_question
from mining.tallies import Tallies
from postil.answer import Anchor, parse_anchor
from postil.records import AdapterCard, ExampleKind, Record, Split

TEMPLATE = Path(__file__).parent / "report.html"
SAMPLES = 20
SHOWN: tuple[tuple[str, Role, str], ...] = (
    (ADAPTER, "postil", "Postil"),
    ("retrieval", "other", "most similar past remark"),
)
"""Whose words stand under the reviewer's."""


class WindowView(Record, frozen=True, kw_only=True):
    """A window as it is shown."""

    path: str
    url: str
    note: str
    look: str
    rows: tuple[Row, ...]


class Bar(Record, frozen=True, kw_only=True):
    """A count, and its share of the longest bar beside it."""

    name: str
    count: int
    share: float
    kept: bool


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is made of beside the scorecard; each may be missing."""

    card: AdapterCard | None = None
    steps: tuple[dict[str, Any], ...] = ()
    """The rows of `metrics.jsonl`."""
    tallies: Tallies | None = None


def render_report(scorecard: Scorecard, sources: Sources) -> str:
    """The page."""
    drawn = (draw_precision(scorecard), draw_calibration(scorecard), draw_loss(sources.steps))
    ours, checks = scorecard.system(ADAPTER), judge(scorecard)
    return render_page(
        TEMPLATE,
        score=scorecard,
        ours=ours,
        sources=sources,
        verdict=say_verdict(scorecard, checks),
        checks=checks,
        charts=[chart for chart in drawn if chart],
        engine_rows=ENGINE_ROWS,
        remarks=bars(sources.tallies.remarks) if sources.tallies else [],
        parts_of_data=_parts(sources.tallies),
        samples=[view_sample(view, ours.threshold) for view in scorecard.samples[:SAMPLES]],
        spoken=[view_mistake(one) for one in scorecard.mistakes if one.kind == "spoken"],
        missed=[view_mistake(one) for one in scorecard.mistakes if one.kind == "missed"],
        limits=[*limits_of(scorecard), *_unknown_sources(scorecard, sources)],
    )


def bars(counts: dict[str, int]) -> list[Bar]:
    """What was kept first, then what was dropped; the most frequent first within each."""
    most = max(counts.values(), default=0) or 1
    found = [
        Bar(name=name, count=count, share=count / most, kept=name.startswith("kept"))
        for name, count in counts.items()
        if count
    ]
    return sorted(found, key=lambda bar: (not bar.kept, -bar.count, bar.name))


def view_sample(view: SampleView, threshold: float | None) -> WindowView:
    """A test window with what the person, Postil and the nearest past remark say of it."""
    said = {one.name: one for one in view.said}
    voices = [_voice(view.human, "person", "reviewer")]
    for name, role, shown in SHOWN:
        if name in said:
            past = _past(view.past) if role == "postil" else ()
            voices.append(_voice(said[name], role, shown, past=past))
    return WindowView(
        path=view.path,
        url=view.url,
        note=_decided(view, threshold),
        look="right" if view.spoken else "wrong",
        rows=rows_of_question(view.question, voices),
    )


def _decided(view: SampleView, threshold: float | None) -> str:
    chance = "" if view.probability is None else f", probability {view.probability:.2f}"
    if view.spoken:
        return f"Postil speaks{chance}"
    limit = "it has no threshold" if threshold is None else f"its threshold is {threshold:.2f}"
    return f"Postil stays silent{chance}, {limit}; asked all the same, it says this"


def view_mistake(mistake: Mistake) -> WindowView:
    """A window the gate was wrong about; nobody was asked for words there."""
    voices = [_voice(mistake.human, "person", "reviewer")] if mistake.human else []
    if mistake.past:
        nearest = mistake.past[0]
        voices.append(
            Voice(
                role="other",
                name="most similar past remark",
                text=nearest.message,
                past=_past(mistake.past[:1]),
            )
        )
    return WindowView(
        path=mistake.path,
        url=mistake.url,
        note=f"probability {mistake.probability:.2f}",
        look="wrong",
        rows=rows_of_question(mistake.question, voices),
    )


def _voice(said: Said, role: Role, name: str, past: tuple[Past, ...] = ()) -> Voice:
    anchor: Anchor | None = parse_anchor(said.anchor) if said.anchor else None
    return Voice(
        role=role, name=name, text=said.message, anchor=anchor, note=said.anchor, past=past
    )


def _past(remarks: Sequence[PastRemark]) -> tuple[Past, ...]:
    return tuple(
        Past(
            text=f"resembles {one.similarity:.2f}"
            + (f", {one.when:%Y-%m-%d}:" if one.when else ":"),
            url=one.url,
        )
        for one in remarks
    )


def _parts(tallies: Tallies | None) -> list[tuple[str, dict[ExampleKind, int]]]:
    """Each part with its remarks, silences and unclear windows."""
    parts = tallies.parts if tallies else {}
    return [(part, parts[part]) for part in get_args(Split) if part in parts]


def _unknown_sources(scorecard: Scorecard, sources: Sources) -> list[str]:
    """What the page lacks because it was not at hand."""
    card, lacks = sources.card, []
    if card and scorecard.data_sha256 and card.data_sha256 != scorecard.data_sha256:
        lacks.append(
            "The pairs measured on are not those the adapter was made from: it may have been"
            " trained or calibrated on some of these pull requests."
        )
    if not sources.tallies:
        lacks.append("What was kept and dropped in mining is not at hand: build the dataset anew.")
    if scorecard.engines and not sources.steps:
        lacks.append("How the training went is not at hand: the adapter has no metrics.jsonl.")
    return lacks
