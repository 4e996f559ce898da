"""What one engine says about windows set apart: its readings, taken once and judged later.

A plan names the pairs to read and is the same for every engine, so that base and adapter can be
loaded one after another and answer the very same questions. Everything that is left out to save
time is left out by hash, before any engine has spoken.
"""

import hashlib
from collections.abc import Callable, Sequence

from finetune.engines import Engine
from finetune.features import pull_of
from postil.answer import Anchor, Remark, anchors, parse_answer, render_answer
from postil.prompt import render_empty_question
from postil.records import ExampleKind, Pair, Record, Split

CHUNK = 64
"""Questions handed to an engine at once, so that progress moves."""
WRITTEN_AT_ONCE = 10
CHOICES = 4
"""One true remark and three others."""

Progress = Callable[[str, int, int], None]
"""What is being done, how many are done, of how many."""


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """Say nothing."""


class Limits(Record, frozen=True, kw_only=True):
    """How much is read; None: all there is."""

    silences: int | None = 4000
    """Silences scored in calibration, and again in test; ambiguous windows likewise."""
    remarks: int | None = 200
    """Test remarks for loss and line; as many silences for their loss."""
    choices: int | None = 60
    """Of these, how many for the four-way choice: eight answers are read for each."""
    samples: int | None = 20
    """Test remarks for which a message is written."""
    max_tokens: int = 128
    """Longest message that is written."""


class Question(Record, frozen=True, kw_only=True):
    """A test window a person remarked on, with that remark, and others to tell it from."""

    pair: Pair
    human: Remark
    choices: tuple[str, ...]
    """The true message first, then those made elsewhere; empty where there are too few."""


class Plan(Record, frozen=True, kw_only=True):
    """The pairs that every engine reads."""

    calibration: tuple[Pair, ...]
    test: tuple[Pair, ...]
    weights: dict[str, float]
    """By pair id, how many windows of its kind and part each scored one stands for."""
    questions: tuple[Question, ...]
    silences: tuple[Pair, ...]
    written: int
    """How many of the questions, from the first, are answered in words."""
    max_tokens: int


class Reading(Record, frozen=True, kw_only=True):
    """What an engine makes of one question."""

    anchor: Anchor
    """The likeliest of all the window allows."""
    message: str | None
    """None: not asked to write."""
    choice: tuple[float, ...]
    """How much the window speaks for each message, in nats a token; empty: not measured."""


class Readings(Record, frozen=True, kw_only=True):
    """All that one engine said; by pair id."""

    speak: dict[str, float]
    loss: dict[str, tuple[float, int]]
    questions: dict[str, Reading]


def make_plan(pairs: Sequence[Pair], limits: Limits, seed: int = 7) -> Plan:
    """Choose what to read; pairs without a window or outside calibration and test are left out."""
    weights: dict[str, float] = {}
    calibration = _thinned(pairs, "calibration", limits.silences, weights, seed)
    test = _thinned(pairs, "test", limits.silences, weights, seed)
    remarks = [pair for pair in test if pair.kind == "remark"]
    chosen = sorted(remarks, key=lambda pair: _shuffled(seed, pair.id))[: limits.remarks]
    silences = [pair for pair in test if pair.kind == "silence"]
    silences.sort(key=lambda pair: _shuffled(seed, pair.id))
    written = len(chosen) if limits.samples is None else min(limits.samples, len(chosen))
    return Plan(
        calibration=tuple(pair for pair in calibration if pair.kind != "ambiguous"),
        test=tuple(test),
        weights=weights,
        questions=tuple(
            _question(pair, remarks, seed, limits.choices is None or place < limits.choices)
            for place, pair in enumerate(chosen)
        ),
        silences=tuple(silences[: len(chosen)]),
        written=written,
        max_tokens=limits.max_tokens,
    )


def take_readings(
    engine: Engine, plan: Plan, progress: Progress = no_progress, *, name: str = "model"
) -> Readings:
    """Ask one engine everything in the plan."""
    speak = score_pairs(
        engine, (*plan.calibration, *plan.test), progress, stage=f"{name}: scoring windows"
    )
    answered = [question.pair for question in plan.questions] + list(plan.silences)
    loss = _losses(engine, answered, progress, f"{name}: held-out loss")
    return Readings(speak=speak, loss=loss, questions=_answer(engine, plan, progress, name))


def score_pairs(
    engine: Engine,
    pairs: Sequence[Pair],
    progress: Progress = no_progress,
    *,
    stage: str = "scoring windows",
) -> dict[str, float]:
    """Speak log-odds by pair id; questions of like length go together."""
    order = sorted(pairs, key=lambda pair: (len(pair.instruction), pair.id))
    speak: dict[str, float] = {}
    for start in range(0, len(order), CHUNK):
        part = order[start : start + CHUNK]
        scores = engine.score([pair.instruction for pair in part])
        speak.update(zip((pair.id for pair in part), scores, strict=True))
        progress(stage, start + len(part), len(order))
    return speak


def _losses(
    engine: Engine, pairs: Sequence[Pair], progress: Progress, stage: str
) -> dict[str, tuple[float, int]]:
    order = sorted(pairs, key=lambda pair: (len(pair.instruction), pair.id))
    found: dict[str, tuple[float, int]] = {}
    for start in range(0, len(order), CHUNK):
        part = order[start : start + CHUNK]
        losses = engine.loss([p.instruction for p in part], [p.response for p in part])
        found.update(zip((pair.id for pair in part), losses, strict=True))
        progress(stage, start + len(part), len(order))
    return found


def _answer(engine: Engine, plan: Plan, progress: Progress, name: str) -> dict[str, Reading]:
    """Lines and choices one by one, messages together: writing costs most, and least in batches."""
    places, choices = [], []
    for done, question in enumerate(plan.questions, 1):
        places.append(_likeliest(engine, question.pair))
        choices.append(_weigh(engine, question))
        progress(f"{name}: choosing lines and remarks", done, len(plan.questions))
    messages: list[str | None] = []
    for start in range(0, plan.written, WRITTEN_AT_ONCE):
        end = min(start + WRITTEN_AT_ONCE, plan.written)
        asked = [question.pair.instruction for question in plan.questions[start:end]]
        messages += engine.write(asked, places[start:end], plan.max_tokens)
        progress(f"{name}: writing remarks", end, plan.written)
    messages += [None] * (len(plan.questions) - len(messages))
    return {
        question.pair.id: Reading(anchor=anchor, message=message, choice=choice)
        for question, anchor, message, choice in zip(
            plan.questions, places, messages, choices, strict=True
        )
    }


def _likeliest(engine: Engine, pair: Pair) -> Anchor:
    assert pair.window is not None  # noqa: S101 - the plan holds only pairs with a window
    allowed = anchors(pair.window)
    scores = engine.anchor_scores(pair.instruction, allowed)
    return allowed[max(range(len(allowed)), key=scores.__getitem__)]


def _weigh(engine: Engine, question: Question) -> tuple[float, ...]:
    """For each message log p(message | window) - log p(message | no window), a token.

    All stand behind the true anchor, whose own share is taken off: it is the same for all, and
    divided by their lengths it would favour short or long ones.
    """
    if not question.choices:
        return ()
    anchor, empty = question.human.anchor, render_empty_question()
    answers = [render_answer(Remark(anchor=anchor, message=text)) for text in question.choices]
    told = engine.loss([question.pair.instruction] * len(answers), answers)
    blind = engine.loss([empty] * len(answers), answers)
    if not all(tokens for _, tokens in (*told, *blind)):
        return ()
    shared = (
        engine.anchor_scores(question.pair.instruction, [anchor])[0]
        - engine.anchor_scores(empty, [anchor])[0]
    )
    return tuple(
        (without - given - shared) / tokens
        for (given, tokens), (without, _) in zip(told, blind, strict=True)
    )


def _question(pair: Pair, remarks: Sequence[Pair], seed: int, choose: bool) -> Question:
    human = parse_answer(pair.response)
    assert human is not None  # noqa: S101 - only remarks are asked about
    if not choose:
        return Question(pair=pair, human=human, choices=())
    own = _plain(human.message)
    others: dict[str, str] = {}
    for other in sorted(remarks, key=lambda one: _shuffled(seed, f"{pair.id}\0{one.id}")):
        remark = parse_answer(other.response)
        if remark and other.repo == pair.repo and pull_of(other) != pull_of(pair):
            others.setdefault(_plain(remark.message), remark.message)
    others.pop(own, None)
    drawn = list(others.values())[: CHOICES - 1]
    choices = (human.message, *drawn) if len(drawn) == CHOICES - 1 else ()
    return Question(pair=pair, human=human, choices=choices)


def _thinned(
    pairs: Sequence[Pair], part: Split, most: int | None, weights: dict[str, float], seed: int
) -> list[Pair]:
    """The pairs of a part, at most so many silences and ambiguous ones; weights are filled in."""
    kept: list[Pair] = []
    kinds: tuple[ExampleKind, ...] = ("remark", "silence", "ambiguous")
    for kind in kinds:
        here = [p for p in pairs if p.split == part and p.kind == kind and p.window and p.located]
        limit = None if kind == "remark" else most
        chosen = sorted(here, key=lambda pair: _shuffled(seed, pair.id))[:limit]
        weights.update((pair.id, len(here) / len(chosen)) for pair in chosen)
        kept += chosen
    return sorted(kept, key=lambda pair: pair.id)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _shuffled(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{text}".encode()).digest()
