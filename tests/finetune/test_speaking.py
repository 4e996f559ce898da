"""finetune/speaking.py: one place decides whether an adapter speaks, in reviews and in proofs."""

from datetime import UTC, datetime

import msgspec
import pytest

from finetune.gate import Gate
from finetune.recall import LEAST_SIMILAR, Recall, index_entries
from finetune.speaking import Voice, threshold_of, unsure
from finetune.topics import Topic
from postil.records import Way
from tests.bot.memory_adapter import ALWAYS
from tests.finetune.builders import make_team, make_window

TEAM = make_team(pulls=20)
RECALL = Recall(index_entries(TEAM))
KNOWN = RECALL.entries[0].window()
UNKNOWN = make_window("zebra = yonder ^ xenon")
GATE = msgspec.structs.replace(ALWAYS, threshold=0.4)
MUTE = msgspec.structs.replace(GATE, threshold=None)
TOPIC = Topic(message="m", entries=(0,), pulls=1, threshold=0.9, precision=0.6)


def voice(way: Way, gate: Gate | None = GATE, topics: tuple[Topic, ...] = ()) -> Voice:
    return Voice(way=way, gate=gate, recall=RECALL, topics=topics)


def test_the_windows_here_are_known_and_unknown() -> None:
    assert RECALL.similar(KNOWN, None, 1)[0].similarity >= LEAST_SIMILAR
    found = RECALL.similar(UNKNOWN, None, 1)
    assert not found or found[0].similarity < LEAST_SIMILAR


@pytest.mark.parametrize("way", ["write", "recall+write"])
def test_own_words_follow_the_gate_alone(way: Way) -> None:
    speaks = voice(way, topics=(TOPIC,))
    assert speaks.threshold == 0.4
    for window in (KNOWN, UNKNOWN):
        for gated in (0.1, 0.39, 0.4, 0.9):
            assert speaks.chance(window, gated) == gated


def test_who_quotes_says_nothing_of_code_unlike_all_that_was_remarked_on() -> None:
    quotes = voice("recall")
    assert quotes.chance(KNOWN, 0.9) == 0.9
    assert quotes.chance(UNKNOWN, 0.9) < 0.4
    assert quotes.chance(UNKNOWN, 0.1) == 0.1
    long_ago = datetime(1990, 1, 1, tzinfo=UTC)
    assert quotes.chance(KNOWN, 0.9, long_ago) < 0.4


def test_a_topic_that_is_due_speaks_whatever_the_gate_says() -> None:
    assert voice("recall", topics=(TOPIC,)).chance(KNOWN, 0.01) == 0.6
    assert voice("recall", topics=(TOPIC,)).chance(UNKNOWN, 0.01) == 0.01


def test_where_the_gate_has_no_threshold_only_topics_speak() -> None:
    speaks = voice("recall", MUTE, (TOPIC,))
    assert speaks.threshold == 0.6
    assert speaks.chance(KNOWN, 0.0) == 0.6
    other = next(entry.window() for entry in RECALL.entries if entry.pull != RECALL.entries[0].pull)
    once = msgspec.structs.replace(TOPIC, threshold=1.1)
    assert voice("recall", MUTE, (once,)).chance(other, 0.99) < 0.6


@pytest.mark.parametrize("gate", [None, MUTE])
def test_without_a_threshold_nothing_is_ever_said(gate: Gate | None) -> None:
    never = voice("recall", gate)
    assert never.threshold is None and never.chance(KNOWN, 0.7) == 0.7
    assert threshold_of("write", gate, (TOPIC,)) is None


def test_a_remark_of_a_kind_that_is_not_sure_enough_is_not_made() -> None:
    question = "Why is this needed?"
    assert unsure(question, 0.1, {}) == ""
    assert unsure(question, 0.7, {"question": 0.7, "naming": None}) == ""
    assert unsure(question, 0.6, {"question": 0.7}) == "not sure enough for the kind question"
    assert "never right often enough" in unsure(question, 0.99, {"question": None})
