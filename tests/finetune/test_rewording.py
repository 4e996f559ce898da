"""Messages in other words: who is asked what, and which answers become copies."""

from collections.abc import Mapping, Sequence

import msgspec
import pytest

from finetune.augment.copies import NO_GRAMMAR, is_copy
from finetune.augment.fidelity import NEGATED
from finetune.augment.rewording import (
    AT_ONCE,
    NO_PROSE,
    NOT_BACK,
    SAID_BEFORE,
    TOO_MANY_WORDS,
    paraphrase,
    read_messages,
    tidy,
    translate_back,
)
from postil.answer import parse_answer
from postil.records import Pair
from postil.settings import AugmentSettings
from tests.finetune.builders import make_pair, make_window

WINDOW = make_window("+secret_call()", "-print(x)")
LOGGER = "Use the logger instead of print in this place."
OTHER = "Instead of print, please use the logger here."


class Table:
    """Answers by what stands in the prompt; keeps what it was asked."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.answers, self.prompts = answers, list[str]()

    def __call__(self, prompts: Sequence[str], max_tokens: int) -> list[str]:
        assert len(prompts) <= AT_ONCE and max_tokens > 0
        self.prompts += prompts
        return [
            next((answer for part, answer in self.answers.items() if part in prompt), "")
            for prompt in prompts
        ]


def said(pairs: Sequence[Pair]) -> list[str]:
    return [pair.response for pair in pairs]


def ignore(*_: object) -> None:
    """No progress is shown."""


def test_only_the_message_is_shown_and_only_the_message_changes() -> None:
    pair = make_pair(WINDOW, f"{LOGGER}\n```suggestion\nlog.info(x)\n```")
    table = Table({LOGGER: f'"{OTHER}"\n\nAnything else?'})
    batch = paraphrase([pair], AugmentSettings(paraphrase=1), table, ignore)
    assert said(batch.made[0]) == [f"R1\n{OTHER}\n```suggestion\nlog.info(x)\n```"]
    assert batch.made[0][0].instruction == pair.instruction
    assert LOGGER in table.prompts[0]
    for hidden in ("secret_call", "log.info", pair.repo, "app/jobs.py", "R1"):
        assert hidden not in table.prompts[0]


def test_a_reworded_copy_teaches_wording_and_no_decision() -> None:
    batch = paraphrase(
        [make_pair(WINDOW, LOGGER)], AugmentSettings(paraphrase=1), Table({LOGGER: OTHER}), ignore
    )
    (copy,) = batch.made[0]
    assert not copy.located and is_copy(copy)
    assert parse_answer(copy.response)


def test_each_copy_is_asked_for_in_another_manner_and_said_once() -> None:
    table = Table({"briefly": f"{OTHER} Thanks!", LOGGER: OTHER})
    batch = paraphrase([make_pair(WINDOW, LOGGER)], AugmentSettings(paraphrase=3), table, ignore)
    assert said(batch.made[0]) == [f"R1\n{OTHER}", f"R1\n{OTHER} Thanks!"]
    assert batch.refused == {SAID_BEFORE: 1}
    assert len({*table.prompts}) == len(table.prompts) == 3
    assert len({copy.id for copy in batch.made[0]}) == 2


def test_a_translation_goes_there_and_back() -> None:
    french = "Utilisez le journal au lieu de print."
    table = Table({f"French: {french}": OTHER, LOGGER: french})
    settings = AugmentSettings(back_translation=1)
    batch = translate_back([make_pair(WINDOW, LOGGER)], settings, table, ignore)
    assert said(batch.made[0]) == [f"R1\n{OTHER}"]


def test_languages_take_turns() -> None:
    table = Table({})
    settings = AugmentSettings(back_translation=3, through="French, Spanish")
    translate_back([make_pair(WINDOW, LOGGER)], settings, table, ignore)
    into = [prompt.partition(" into ")[2].split(".")[0] for prompt in table.prompts]
    assert into == ["French", "English", "Spanish", "English", "French", "English"]


def test_what_does_not_come_back_is_refused() -> None:
    table = Table({"": "Utilisez le journal."})
    settings = AugmentSettings(back_translation=1)
    batch = translate_back([make_pair(WINDOW, LOGGER)], settings, table, ignore)
    assert (batch.made, batch.refused) == ([[]], {NOT_BACK: 1})


def test_the_guard_is_asked() -> None:
    table = Table({LOGGER: "Do not use the logger instead of print in this place."})
    batch = paraphrase([make_pair(WINDOW, LOGGER)], AugmentSettings(paraphrase=1), table, ignore)
    assert (batch.made, batch.refused) == ([[]], {NEGATED: 1})


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("One thing.\n\nAnother thing.", NO_PROSE),
        ("Like this:\n```\nx = 1\n```", NO_PROSE),
        ("word " * 81 + "end", TOO_MANY_WORDS),
    ],
)
def test_long_and_mixed_messages_are_not_asked_about(message: str, reason: str) -> None:
    messages, refused = read_messages([make_pair(WINDOW, message)])
    assert messages == [None]
    assert refused == {reason: 1}


def test_a_silence_has_no_words() -> None:
    assert read_messages([make_pair(WINDOW)]) == ([None], {})


def test_an_answer_of_another_domain_is_reworded_whole() -> None:
    pair = Pair(id="f", instruction="Greet the customer.", response="Good morning, dear customer.")
    answer = "A good morning to you, dear customer."
    batch = paraphrase([pair], AugmentSettings(paraphrase=1), Table({"morning": answer}), ignore)
    assert said(batch.made[0]) == [answer]


def test_a_broken_anchor_of_ours_is_no_prose() -> None:
    broken = msgspec.structs.replace(make_pair(WINDOW, LOGGER), response="R1-1\nWhy?")
    messages, refused = read_messages([broken])
    assert messages == [None]
    assert refused == {NO_GRAMMAR: 1}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (' "Name it." ', "Name it."),
        ("Name it.\n\nHere is why:", "Name it."),
        ('"Name" it, or "call" it', '"Name" it, or "call" it'),
        ('"Name" is "it"', '"Name" is "it"'),
        ('"', '"'),
    ],
)
def test_quotation_marks_around_an_answer_are_taken_off(answer: str, text: str) -> None:
    assert tidy(answer) == text
