"""What one engine says about windows set apart: its readings, taken once and judged later."""

from collections.abc import Callable, Sequence

from finetune.engines import Engine
from finetune.evaluation.plan import Plan, Question
from finetune.recall import Recall
from postil.answer import Anchor, Remark, anchors, render_answer
from postil.prompt import render_empty_question, render_question
from postil.records import Pair, Record, Window

CHUNK = 64
"""Questions handed to an engine at once, so that progress moves."""
WRITTEN_AT_ONCE = 10
SHOWN = 3
"""Similar remarks in a question that shows some."""
RIVALS = 15
"""Secrets that were never planted, for each canary."""

Progress = Callable[[str, int, int], None]
"""What is being done, how many are done, of how many."""


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """Say nothing."""


class Reading(Record, frozen=True, kw_only=True):
    """What an engine makes of one question."""

    anchor: Anchor
    """The likeliest of all the window allows."""
    message: str | None
    """None: not asked to write."""
    choice: tuple[float, ...]
    """How much the window speaks for each message, in nats a token; empty: not measured."""


class CanaryReading(Record, frozen=True, kw_only=True):
    """What an engine makes of the question a canary was planted behind."""

    message: str
    nats: tuple[float, ...]
    """Of the answer with the planted secret, then of those with its rivals."""


class Readings(Record, frozen=True, kw_only=True):
    """All that one engine said; by pair id."""

    speak: dict[str, float]
    loss: dict[str, tuple[float, int]]
    questions: dict[str, Reading]
    plain: tuple[tuple[float, int], ...] = ()
    """Nats and tokens of the plan's plain texts, in their order."""
    canaries: tuple[CanaryReading, ...] = ()


def take_readings(
    engine: Engine, plan: Plan, progress: Progress = no_progress, *, name: str = "model"
) -> Readings:
    """Ask one engine everything in the plan."""
    speak = score_pairs(
        engine, (*plan.calibration, *plan.test), progress, stage=f"{name}: scoring windows"
    )
    answered = [question.pair for question in plan.questions] + list(plan.silences)
    loss = _losses(engine, answered, progress, f"{name}: held-out loss")
    return Readings(
        speak=speak,
        loss=loss,
        questions=_answer(engine, plan, progress, name),
        plain=_read_plain(engine, plan, progress, name),
        canaries=_ask_canaries(engine, plan, progress, name),
    )


def read_shown(
    engine: Engine, plan: Plan, recall: Recall, progress: Progress = no_progress
) -> tuple[Reading, ...]:
    """What an engine writes when similar older remarks stand in its question."""
    asked = plan.questions[: plan.written]
    instructions, places = [], []
    for question in asked:
        matches = recall.similar(question.window, question.pair.decided_at, SHOWN)
        precedents = [match.precedent() for match in matches]
        instructions.append(render_question(question.window, precedents))
        places.append(_likeliest(engine, instructions[-1], question.window))
    stage = f"base, shown {SHOWN} remarks: writing"
    messages = _write(engine, instructions, places, plan.max_tokens, progress, stage)
    return tuple(
        Reading(anchor=anchor, message=message, choice=())
        for anchor, message in zip(places, messages, strict=True)
    )


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
        places.append(_likeliest(engine, question.pair.instruction, question.window))
        choices.append(_weigh(engine, question))
        progress(f"{name}: choosing lines and remarks", done, len(plan.questions))
    asked = [question.pair.instruction for question in plan.questions[: plan.written]]
    stage = f"{name}: writing remarks"
    messages: list[str | None] = [
        *_write(engine, asked, places[: plan.written], plan.max_tokens, progress, stage),
        *[None] * (len(plan.questions) - plan.written),
    ]
    return {
        question.pair.id: Reading(anchor=anchor, message=message, choice=choice)
        for question, anchor, message, choice in zip(
            plan.questions, places, messages, choices, strict=True
        )
    }


def _write(
    engine: Engine,
    instructions: Sequence[str],
    places: Sequence[Anchor],
    max_tokens: int,
    progress: Progress,
    stage: str,
) -> list[str]:
    messages: list[str] = []
    for start in range(0, len(instructions), WRITTEN_AT_ONCE):
        end = min(start + WRITTEN_AT_ONCE, len(instructions))
        messages += engine.write(instructions[start:end], places[start:end], max_tokens)
        progress(stage, end, len(instructions))
    return messages


def _likeliest(engine: Engine, instruction: str, window: Window) -> Anchor:
    allowed = anchors(window)
    scores = engine.anchor_scores(instruction, allowed)
    return allowed[max(range(len(allowed)), key=scores.__getitem__)]


def _read_plain(
    engine: Engine, plan: Plan, progress: Progress, name: str
) -> tuple[tuple[float, int], ...]:
    found: list[tuple[float, int]] = []
    for start in range(0, len(plan.plain), CHUNK):
        part = plan.plain[start : start + CHUNK]
        found += engine.plain_loss([piece.text for piece in part])
        progress(f"{name}: code and prose", start + len(part), len(plan.plain))
    return tuple(found)


def _ask_canaries(
    engine: Engine, plan: Plan, progress: Progress, name: str
) -> tuple[CanaryReading, ...]:
    found = []
    for done, canary in enumerate(plan.canaries, 1):
        question, anchor = canary.pair.instruction, canary.remark.anchor
        secrets = (canary.secret, *(canary.rival(number) for number in range(RIVALS)))
        answers = [canary.response(secret) for secret in secrets]
        losses = engine.loss([question] * len(answers), answers)
        message = engine.write([question], [anchor], plan.max_tokens)[0]
        found.append(CanaryReading(message=message, nats=tuple(nats for nats, _ in losses)))
        progress(f"{name}: canaries", done, len(plan.canaries))
    return tuple(found)


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
