"""Three ways of saying a thing: each says what it should, and the nearest to the people wins."""

from collections.abc import Sequence

import msgspec

from finetune.augment.copies import copy_reworded
from finetune.engines import Engine
from finetune.precedents import show_precedents
from finetune.recall import Recall, index_entries
from finetune.ways import Asked, choose_way, quotable, rank, say, with_precedents
from postil.answer import Anchor, parse_answer
from postil.prompt import render_question
from postil.records import Pair
from tests.fakes import FakeEngine
from tests.finetune.builders import RULES, day, make_pair, make_team, make_window

TEAM = make_team()
RECALL = Recall(index_entries(TEAM))
HELD = [p for p in TEAM if p.split == "validation" and p.kind == "remark" and p.window]


class Misled(FakeEngine):
    """Writes nothing anybody ever said."""

    def write(
        self, instructions: Sequence[str], anchors: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        return ["zzzz"] * len(instructions)


class Asks(FakeEngine):
    """Keeps the questions it was asked to answer."""

    questions: tuple[str, ...] = ()

    def write(
        self, instructions: Sequence[str], anchors: Sequence[Anchor], max_tokens: int
    ) -> list[str]:
        self.questions = tuple(instructions)
        return super().write(instructions, anchors, max_tokens)


def asked_of(pair: Pair) -> Asked:
    remark = parse_answer(pair.response)
    assert remark and pair.window
    return Asked(window=pair.window, anchor=remark.anchor, before=pair.decided_at)


def test_what_is_quoted_was_accepted_earlier_and_is_what_the_window_speaks_for() -> None:
    quoted = 0
    for pair in HELD:
        (said,) = say(FakeEngine(RULES), RECALL, "recall", [asked_of(pair)], 40)
        assert pair.window
        anchor = asked_of(pair).anchor
        alike = {m.entry.message for m in quotable(RECALL, pair.window, anchor, pair.decided_at)}
        assert said in (alike or {""})
        if said:
            quoted += 1
            remark = parse_answer(pair.response)
            assert remark
            assert said.split(" (")[0] == remark.message.split(" (")[0]
    assert quoted > len(HELD) / 2


def test_where_nothing_older_is_known_nothing_is_quoted() -> None:
    asked = msgspec.structs.replace(asked_of(HELD[0]), before=day(0))
    assert say(FakeEngine(RULES), RECALL, "recall", [asked], 40) == [""]


def test_a_model_that_cannot_tell_leaves_the_most_similar_first() -> None:
    window = asked_of(HELD[0]).window
    matches = RECALL.similar(window, None, 4)
    assert rank(FakeEngine({}), window, Anchor(side="R", start=1, end=1), matches) == matches


def test_own_words_are_asked_for_with_or_without_precedents() -> None:
    asked = [asked_of(pair) for pair in HELD[:2]]
    engine = Asks(RULES)
    say(engine, RECALL, "write", asked, 40)
    assert engine.questions == tuple(render_question(one.window) for one in asked)
    say(engine, RECALL, "recall+write", asked, 40)
    for question, one in zip(engine.questions, asked, strict=True):
        shown = [line for line in question.split("\n") if line.startswith("Earlier, on ")]
        assert 1 <= len(shown) <= 3
        assert question == with_precedents(RECALL, one.window, one.before)


def test_the_way_that_comes_nearest_to_the_reviewers_is_chosen() -> None:
    knows: Engine = FakeEngine(RULES)
    found = choose_way(knows, TEAM, RECALL, ("write", "recall"), max_tokens=40)
    assert found.chrf["write"] > 30
    assert found.way == max(found.chrf, key=lambda way: found.chrf[way])
    misled = choose_way(Misled(RULES), TEAM, RECALL, ("write", "recall"), max_tokens=40)
    assert (misled.way, misled.chrf["write"]) == ("recall", 0)


def test_with_few_remarks_the_first_way_is_kept_untried() -> None:
    few = [pair for pair in TEAM if pair.split == "train"] + HELD[:3]
    found = choose_way(Misled(RULES), few, RECALL, ("write", "recall"), max_tokens=40)
    assert (found.way, found.chrf) == ("write", {})


def test_half_of_the_training_questions_show_what_is_older_and_silences_as_well() -> None:
    shown = tuple(show_precedents(TEAM))
    changed = [
        (before, after)
        for before, after in zip(TEAM, shown, strict=True)
        if before.instruction != after.instruction
    ]
    assert {before.kind for before, _ in changed} >= {"remark", "silence"}
    training = [pair for pair in TEAM if pair.split == "train"]
    assert 0.3 < len(changed) / len(training) < 0.6
    for before, after in changed:
        assert before.split == "train"
        assert after.instruction.count("Earlier, on ") in (1, 2, 3)
        assert msgspec.structs.replace(after, instruction=before.instruction) == before


def test_a_copy_is_asked_with_past_remarks_and_shown_nowhere() -> None:
    window = make_window("+print(total)")
    said = make_pair(window, "Use the logger instead of print here.")
    copy = copy_reworded(said, "paraphrase", 1, "R1\nNobody said this.")
    asked = [make_pair(window, f"Words {n}.", pull=2, decided_at=day(9)) for n in range(8)]
    shown = [p.instruction for p in show_precedents([said, copy, *asked]) if p.pull == 2]
    assert any("Use the logger" in question for question in shown)
    assert not any("Nobody said this." in question for question in shown)


def test_no_question_shows_a_remark_of_its_own_pull_request_or_a_later_one() -> None:
    window = make_window("+print(total)")
    mine = make_pair(window, "Use the logger instead of print here.", split="train")
    later = make_pair(window, "Later words.", split="train", pull=2, decided_at=day(9))
    shown = tuple(show_precedents([mine, later]))
    assert shown[0] == mine
