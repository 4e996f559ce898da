"""What one engine says about windows set apart: its readings, taken once and judged later."""

from collections.abc import Callable, Sequence

from finetune.engines import Engine
from finetune.evaluation.plan import Plan
from finetune.recall import SHOWN, Recall
from finetune.ways import Asked, say, with_precedents
from finetune.weighing import weigh
from postil.answer import Anchor, anchors
from postil.records import Pair, Record, Way, Window

CHUNK = 64
"""Questions handed to an engine at once, so that progress moves."""
WRITTEN_AT_ONCE = 10
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
    loss = _losses(engine, plan.silences, progress, f"{name}: held-out loss of silences")
    questions, of_remarks = _answer(engine, plan, progress, name)
    return Readings(
        speak=speak,
        loss=loss | of_remarks,
        questions=questions,
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
        before = question.pair.decided_at
        instructions.append(with_precedents(recall, question.window, before))
        places.append(_likeliest(engine, instructions[-1], question.window))
    stage = f"base, shown {SHOWN} remarks: writing"
    messages = _write(engine, instructions, places, plan.max_tokens, progress, stage)
    return tuple(
        Reading(anchor=anchor, message=message, choice=())
        for anchor, message in zip(places, messages, strict=True)
    )


def read_ways(
    engine: Engine,
    plan: Plan,
    readings: Readings,
    recall: Recall,
    progress: Progress = no_progress,
) -> dict[Way, tuple[str, ...]]:
    """What an engine says by each way to the questions answered in words, at the lines it chose."""
    asked = [
        Asked(
            window=question.window,
            anchor=readings.questions[question.pair.id].anchor,
            before=question.pair.decided_at,
        )
        for question in plan.questions[: plan.written]
    ]
    found: dict[Way, tuple[str, ...]] = {
        "write": tuple(
            readings.questions[question.pair.id].message or ""
            for question in plan.questions[: plan.written]
        )
    }
    others: tuple[Way, ...] = ("recall", "recall+write")
    for way in others:
        messages: list[str] = []
        for start in range(0, len(asked), WRITTEN_AT_ONCE):
            part = asked[start : start + WRITTEN_AT_ONCE]
            messages += say(engine, recall, way, part, plan.max_tokens)
            progress(f"adapter by {way}", len(messages), len(asked))
        found[way] = tuple(messages)
    return found


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


def _answer(
    engine: Engine, plan: Plan, progress: Progress, name: str
) -> tuple[dict[str, Reading], dict[str, tuple[float, int]]]:
    """What it makes of each question, and its loss on the human answer.

    Lines, losses and choices question by question, so that an engine may read each once; messages
    together: writing costs most, and least in batches.
    """
    places, choices, loss = [], [], {}
    for done, question in enumerate(plan.questions, 1):
        pair = question.pair
        places.append(_likeliest(engine, pair.instruction, question.window))
        loss[pair.id] = engine.loss([pair.instruction], [pair.response])[0]
        choices.append(
            weigh(engine, pair.instruction, question.human.anchor, question.choices)
            if question.choices
            else ()
        )
        progress(f"{name}: choosing lines and remarks", done, len(plan.questions))
    asked = [question.pair.instruction for question in plan.questions[: plan.written]]
    stage = f"{name}: writing remarks"
    messages: list[str | None] = [
        *_write(engine, asked, places[: plan.written], plan.max_tokens, progress, stage),
        *[None] * (len(plan.questions) - plan.written),
    ]
    readings = {
        question.pair.id: Reading(anchor=anchor, message=message, choice=choice)
        for question, anchor, message, choice in zip(
            plan.questions, places, messages, choices, strict=True
        )
    }
    return readings, loss


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
