"""How much a window speaks for a remark: log p(remark | window) - log p(remark), nats a token.

By it a remark is told from others, in the four-way choice and where past remarks are ranked.
"""

from collections.abc import Sequence

from finetune.engines import Engine
from postil.answer import Anchor, Remark, render_answer
from postil.prompt import render_empty_question


def weigh(
    engine: Engine, instruction: str, anchor: Anchor, messages: Sequence[str]
) -> tuple[float, ...]:
    """One figure a message; empty where one of them has no room behind the question.

    All stand behind the same anchor, whose own share is taken off: it is the same for all, and
    divided by their lengths it would favour short or long ones.
    """
    empty = render_empty_question()
    answers = [render_answer(Remark(anchor=anchor, message=text)) for text in messages]
    told = engine.loss([instruction] * len(answers), answers)
    blind = engine.loss([empty] * len(answers), answers)
    if not all(tokens for _, tokens in (*told, *blind)):
        return ()
    shared = (
        engine.anchor_scores(instruction, [anchor])[0] - engine.anchor_scores(empty, [anchor])[0]
    )
    return tuple(
        (without - given - shared) / tokens
        for (given, tokens), (without, _) in zip(told, blind, strict=True)
    )
