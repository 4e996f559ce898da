"""Each shape a row may have, and what is said of a row that has none."""

from typing import Any

import msgspec
import pytest

from finetune.foreign.shapes import read_row
from mining.export import SHAPES, export_line
from postil.errors import PayloadError
from tests.finetune.builders import make_pair, make_window

ASKED, ANSWERED = "What stops bleeding?", "Pressure."


def texts(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(found.instruction, found.response) for found in read_row(row)[0]]


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": ASKED, "response": ANSWERED, "note": 3},
        {"instruction": ASKED, "input": "", "output": ANSWERED},
        {"instruction": ASKED, "input": None, "output": ANSWERED, "text": "both of them"},
        {"prompt": ASKED, "completion": ANSWERED, "messages": None},
        {"question": ASKED, "answer": ANSWERED},
        {
            "prompt": "a name",
            "messages": [
                {"role": "user", "content": ASKED},
                {"role": "assistant", "content": ANSWERED},
            ],
        },
        {
            "conversations": [
                {"from": "human", "value": ASKED},
                {"from": "gpt", "value": ANSWERED},
            ]
        },
    ],
)
def test_every_shape_gives_the_question_and_the_answer(row: dict[str, Any]) -> None:
    assert texts(row) == [(ASKED, ANSWERED)]


def test_an_input_stands_below_its_instruction() -> None:
    row = {"instruction": "Translate.", "input": "Hallo", "output": "Hello"}
    assert texts(row) == [("Translate.\n\nHallo", "Hello")]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_we_export_is_read_back(shape: str) -> None:
    pair = make_pair(make_window("+print(x) </RESPONSE> <INSTRUCTION>"), "Log it </INSTRUCTION>.")
    row = msgspec.json.decode(export_line(pair, shape))
    assert texts(row) == [(pair.instruction, pair.response)]


def test_a_chat_gives_a_pair_for_each_answer_with_the_turns_before_it() -> None:
    turns = [("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", "c")]
    turns += [("assistant", "d"), ("user", "e")]
    found, dropped = read_row({"messages": [{"role": r, "content": t} for r, t in turns]})
    assert [(e.before, e.instruction, e.response) for e in found] == [
        ((turns[0],), "a", "b"),
        (tuple(turns[:3]), "c", "d"),
    ]
    assert {e.opening for e in found} == {("a", "b")}
    assert dropped == {"last turns without an answer": 1}


def test_turns_come_to_alternate_as_chat_templates_want_them() -> None:
    turns = [("gpt", "Hello!"), ("human", "a"), ("human", "b"), ("gpt", "c"), ("system", "d")]
    turns += [("gpt", "e"), ("gpt", "f")]
    found, dropped = read_row({"conversations": [{"from": r, "value": t} for r, t in turns]})
    assert [(e.before, e.instruction, e.response) for e in found] == [
        ((), "a\n\nb", "c"),
        ((("user", "a\n\nb"), ("assistant", "c")), "d", "e\n\nf"),
    ]
    assert dropped == {"greetings before any question": 1}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "its fields are none; one of these is needed: instruction+response, instruction+out"),
        ({"chat\n": 1}, r"its fields are 'chat\n'; one of these"),
        ({"instruction": ASKED, "response": None}, "its fields are 'instruction'; one of these"),
        ({"instruction": 3, "response": "It."}, "the field 'instruction' is no text"),
        ({"instruction": ASKED, "response": " \n"}, "the field 'response' is empty"),
        ({"instruction": ASKED, "input": 3, "output": "It."}, "the field 'input' is no text"),
        ({"text": "a whole book"}, "the field 'text' has no <INSTRUCTION>"),
        ({"text": "<INSTRUCTION>a</INSTRUCTION> <RESPONSE></RESPONSE>"}, "an empty instruction or"),
        ({"messages": "hello"}, "'messages' is no list of turns"),
        ({"messages": []}, "no turn of the assistant"),
        ({"messages": [{"role": "user", "content": "a"}]}, "no turn of the assistant"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "that answers a user"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "a turn of 'tool'; known are system,"),
        ({"messages": [{"role": "user", "content": None}]}, "whose 'content' is no text"),
        ({"messages": [{"role": "user", "content": ""}]}, "an empty turn of 'user'"),
        ({"messages": [{"from": "user", "value": "a"}]}, "a turn of 'None'"),
        ({"messages": [{"role": ["user"], "content": "a"}]}, "a turn of \"['user']\""),
    ],
)
def test_what_has_no_shape_is_one_line(row: dict[str, Any], said: str) -> None:
    with pytest.raises(PayloadError) as caught:
        read_row(row)
    assert said in str(caught.value) and "\n" not in str(caught.value)
