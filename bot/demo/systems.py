"""The systems that sit the exam: the adapter through its real door, and what it must beat.

Each decides by a gate fitted on the same calibration windows for the same wanted precision.
"""

from collections.abc import Mapping, Sequence

import msgspec

from bot.demo.exam import Answer, Item
from bot.model.process import ModelProcess
from bot.review import review
from finetune.engines import Engine
from finetune.evaluation.baselines import GATES, WITHOUT_MODEL, GateBaseline
from finetune.evaluation.readings import Progress, no_progress, score_pairs
from finetune.feature_names import FEATURES
from finetune.features import label_window, window_features, with_speak
from finetune.fitting import best_remark
from finetune.gate import Gate
from finetune.gate_fitting import fit_gate
from finetune.recall import Recall
from postil.answer import anchors, span_of
from postil.prompt import render_question
from postil.records import Finding, Pair
from postil.settings import ReviewSettings

WITHOUT_WEIGHTS = "no weights: quotes past remarks"
"""What `postil train --mode retrieval` makes: the gate without a model, and its memory."""
ALL_COMMENTS = 10_000
MOST_WORDS = 48
"""Tokens of a remark; the sample's people are brief."""


class Sat(msgspec.Struct, frozen=True, kw_only=True):
    """A system's answers, in the order of the items."""

    name: str
    note: str
    answers: tuple[Answer, ...]


def sit_adapter(
    model: ModelProcess,
    items: Sequence[Item],
    diffs: Mapping[int, str],
    settings: ReviewSettings,
    progress: Progress = no_progress,
) -> tuple[Sat, dict[int, tuple[Finding, ...]]]:
    """The adapter reviews each pull request as it would live, without a cap on comments."""
    open_ended = msgspec.structs.replace(settings, max_comments=ALL_COMMENTS, max_tokens=MOST_WORDS)
    found: dict[int, tuple[Finding, ...]] = {}
    for done, (pull, diff) in enumerate(diffs.items(), 1):
        found[pull] = review(diff, model, open_ended).findings
        progress("adapter: pull requests", done, len(diffs))
    windows = [item.window for item in items]
    chances = model.gate(windows, model.score([render_question(window) for window in windows]))
    answers = tuple(
        _answer_of(item, found[item.pull], chance)
        for item, chance in zip(items, chances, strict=True)
    )
    threshold = model.info.threshold
    note = "never speaks" if threshold is None else f"speaks from probability {threshold:.2f}"
    return Sat(name="adapter", note=note, answers=answers), found


def _answer_of(item: Item, findings: Sequence[Finding], chance: float) -> Answer:
    here = [f for f in findings if item.window.rows(f.span)]
    if not here:
        return Answer(probability=chance)
    span = here[0].span
    return Answer(probability=chance, line=span.start, end=span.end, message=here[0].message)


def sit_base(
    engine: Engine,
    items: Sequence[Item],
    pairs: Sequence[Pair],
    recall: Recall,
    settings: ReviewSettings,
    progress: Progress = no_progress,
) -> Sat:
    """The base model with the same prompt, and the same gate fitted on its own scores."""
    held = [pair for pair in pairs if pair.split == "calibration"]
    speaks = score_pairs(engine, held, progress, stage="base: calibration windows")
    rows = with_speak([label_window(pair, recall) for pair in held], speaks)
    gate = fit_gate(rows, min_precision=settings.min_precision, names=FEATURES)
    scores = engine.score([render_question(item.window) for item in items])
    answers = []
    for done, (item, score) in enumerate(zip(items, scores, strict=True), 1):
        features = window_features(item.window, recall, None, score)
        answers.append(_base_answer(engine, item, gate, features))
        progress("base: unseen windows", done, len(items))
    return Sat(name="base model, same prompt and gate", note=_note(gate), answers=tuple(answers))


def _base_answer(engine: Engine, item: Item, gate: Gate, features: Mapping[str, float]) -> Answer:
    chance = gate.probability(features)
    if not gate.speaks(features):
        return Answer(probability=chance)
    allowed = anchors(item.window)
    question = render_question(item.window)
    scores = engine.anchor_scores(question, allowed)
    anchor = allowed[scores.index(max(scores))]
    message = engine.write([question], [anchor], MOST_WORDS)[0]
    span = span_of(item.window, anchor)
    return Answer(probability=chance, line=span.start, end=span.end, message=message)


def sit_baseline(
    baseline: GateBaseline,
    items: Sequence[Item],
    pairs: Sequence[Pair],
    recall: Recall,
    settings: ReviewSettings,
) -> Sat:
    """No model: at the row most like one that drew a remark, what fits there best."""
    rows = [label_window(pair, recall) for pair in pairs if pair.split == "calibration"]
    gate = fit_gate(
        rows,
        min_precision=settings.min_precision,
        names=baseline.features,
        alone=baseline.alone,
    )
    answers = []
    for item in items:
        features = window_features(item.window, recall, None, 0.0)
        remark = best_remark(recall, item.window, None)
        chance = gate.probability(features)
        if remark is None or not gate.speaks(features):
            answers.append(Answer(probability=chance))
            continue
        span = span_of(item.window, remark.anchor)
        said = remark.message
        answers.append(Answer(probability=chance, line=span.start, end=span.end, message=said))
    name = WITHOUT_WEIGHTS if baseline is WITHOUT_MODEL else baseline.name
    return Sat(name=name, note=_note(gate), answers=tuple(answers))


def _note(gate: Gate) -> str:
    if gate.threshold is None:
        return f"no threshold is sure to reach {gate.wanted_precision:.0%} precision: never speaks"
    return f"speaks from probability {gate.threshold:.2f}"


def baselines() -> tuple[GateBaseline, ...]:
    """Retrieval, cheap features alone, size alone."""
    return tuple(reversed(GATES))
