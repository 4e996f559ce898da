"""The three ways of saying something about a window, and which of them an adapter is to use.

`write`: the adapter's own words. `recall`: of the past accepted remarks that fit the place, the one
for which the window speaks most; nothing can be invented. `recall+write`: own words, with remarks
on similar code in the question, whether it was trained with some in its questions or not. Only
remarks older than the window's pull request are ever looked at.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from statistics import fmean

import msgspec

from finetune.engines import Engine
from finetune.evaluation.metrics import chrf
from finetune.fitting import fit, fitting
from finetune.recall import LEAST_SIMILAR, SHOWN, Match, Recall
from finetune.weighing import weigh
from postil.answer import Anchor, parse_answer
from postil.prompt import render_question
from postil.records import Pair, Way, Window

CANDIDATES = 8
"""Past remarks that are ranked for one place."""
NEARLY = 0.95
"""Of the best one's fit: what is about as good is left to the model."""
TRIED, FEWEST = 24, 8
"""Remarks a way is chosen by; with fewer there is nothing to choose by."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A place that something is to be said about; `before`: what is younger is not known yet."""

    window: Window
    anchor: Anchor
    before: datetime | None


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The way that came nearest to the reviewers' words, and the mean chrF of each tried."""

    way: Way
    chrf: dict[Way, float]


def say(
    engine: Engine, recall: Recall, way: Way, asked: Sequence[Asked], max_tokens: int
) -> list[str]:
    """A message for each place; "" where nothing is remembered that could be quoted."""
    if way == "recall":
        return [_quoted(engine, recall, one) for one in asked]
    shows = way == "recall+write"
    questions = [
        with_precedents(recall, one.window, one.before) if shows else render_question(one.window)
        for one in asked
    ]
    return engine.write(questions, [one.anchor for one in asked], max_tokens)


def with_precedents(recall: Recall, window: Window, before: datetime | None) -> str:
    """The question with the `SHOWN` remarks on the most similar code."""
    matches = recall.similar(window, before, SHOWN)
    return render_question(window, [match.precedent() for match in matches])


def quotable(
    recall: Recall, window: Window, anchor: Anchor, before: datetime | None
) -> list[Match]:
    """The past remarks that fit the place about as well as the best; one of them may be quoted."""
    matches = fitting(recall, window, anchor, before, CANDIDATES)
    alike = [match for match in matches if match.likeness >= LEAST_SIMILAR]
    return [match for match in alike if fit(match) >= NEARLY * fit(alike[0])]


def rank(engine: Engine, window: Window, anchor: Anchor, matches: Sequence[Match]) -> list[Match]:
    """What fits best first; among equals, and where the model cannot tell, the most similar."""
    weights = weigh(engine, render_question(window), anchor, [m.entry.message for m in matches])
    if not weights:
        return list(matches)
    order = sorted(range(len(matches)), key=lambda at: -weights[at])
    return [matches[at] for at in order]


def choose_way(
    engine: Engine,
    pairs: Sequence[Pair],
    recall: Recall,
    ways: Sequence[Way],
    *,
    max_tokens: int,
    seed: int = 7,
) -> Chosen:
    """Try each way on remarks of the early-stopping and calibration parts, at their own lines.

    Among equals the earlier of `ways`; the first, untried, where there are too few remarks.
    """
    held = [
        pair
        for pair in pairs
        if pair.split in ("validation", "calibration") and pair.kind == "remark" and pair.window
    ]
    held.sort(key=lambda pair: hashlib.sha256(f"{seed}\0{pair.id}".encode()).digest())
    asked, human = [], []
    for pair in held[:TRIED]:
        remark = parse_answer(pair.response)
        if remark is not None and pair.window is not None:
            asked.append(Asked(window=pair.window, anchor=remark.anchor, before=pair.decided_at))
            human.append(remark.message)
    if len(asked) < FEWEST or len(ways) == 1:
        return Chosen(way=ways[0], chrf={})
    found: dict[Way, float] = {}
    for way in ways:
        said = say(engine, recall, way, asked, max_tokens)
        found[way] = fmean(chrf(ours, theirs) for ours, theirs in zip(said, human, strict=True))
    return Chosen(way=max(ways, key=found.__getitem__), chrf=found)


def _quoted(engine: Engine, recall: Recall, asked: Asked) -> str:
    matches = quotable(recall, asked.window, asked.anchor, asked.before)
    ranked = rank(engine, asked.window, asked.anchor, matches) if matches else []
    return ranked[0].entry.message if ranked else ""
