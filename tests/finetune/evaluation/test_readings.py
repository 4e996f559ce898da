"""What is read is chosen before any engine speaks, and is the same for all."""

from finetune.evaluation.plan import Limits, make_plan
from finetune.evaluation.readings import take_readings
from postil.answer import remark_text
from tests.fakes import FakeEngine
from tests.finetune.builders import RULES, make_team

TEAM = make_team()
ALL = Limits(silences=None, remarks=None, choices=None, samples=None)


def test_a_plan_holds_only_calibration_and_test_and_the_same_each_time() -> None:
    plan = make_plan(TEAM, ALL)
    assert plan == make_plan(list(reversed(TEAM)), ALL)
    assert {pair.split for pair in plan.test} == {"test"}
    assert {pair.split for pair in plan.calibration} == {"calibration"}
    assert set(plan.weights.values()) == {1.0}


def test_thinned_silences_stand_for_all_and_no_remark_is_left_out() -> None:
    plan, whole = make_plan(TEAM, Limits(silences=5)), make_plan(TEAM, ALL)
    for part, all_of_it in ((plan.test, whole.test), (plan.calibration, whole.calibration)):
        silences = [pair for pair in part if pair.kind == "silence"]
        assert len(silences) == 5
        stood_for = sum(plan.weights[pair.id] for pair in silences)
        assert round(stood_for) == sum(pair.kind == "silence" for pair in all_of_it)
        remarks = [pair for pair in part if pair.kind == "remark"]
        assert remarks == [pair for pair in all_of_it if pair.kind == "remark"]


def test_the_three_other_remarks_are_of_other_pull_requests_and_say_something_else() -> None:
    questions = make_plan(make_team(120), ALL).questions
    own = {q.pair.id: q.pair.pull for q in questions}
    asked = [q for q in questions if q.choices]
    assert len(asked) > 10
    said_in = {(q.pair.pull, remark_text(q.pair.response)) for q in questions if own[q.pair.id]}
    for question in asked:
        true, *others = question.choices
        assert true == question.human.message
        assert len({*others, true}) == 4
        for other in others:
            assert any(pull != question.pair.pull and text == other for pull, text in said_in)


def test_with_fewer_than_four_remarks_there_is_no_choice() -> None:
    few = [pair for pair in TEAM if pair.kind == "silence" or pair.pull < 57]
    remarks = [pair for pair in TEAM if pair.split == "test" and pair.kind == "remark"][:3]
    plan = make_plan([p for p in few if p.split != "test"] + remarks, ALL)
    assert len(plan.questions) == 3
    assert not any(question.choices for question in plan.questions)


def test_the_dear_four_way_choice_is_asked_of_the_first_remarks_only() -> None:
    questions = make_plan(make_team(120), Limits(choices=3)).questions
    assert [bool(question.choices) for question in questions[:5]] == [True] * 3 + [False] * 2
    whole = make_plan(make_team(120), ALL).questions
    assert questions[:3] == whole[:3]


def test_an_engine_that_knows_the_rules_finds_line_words_and_true_remark() -> None:
    plan = make_plan(make_team(120), Limits(samples=4))
    readings = take_readings(FakeEngine(RULES), plan)
    for done, question in enumerate(plan.questions):
        reading = readings.questions[question.pair.id]
        assert reading.anchor == question.human.anchor
        assert (reading.message is not None) == (done < 4)
        if reading.message:
            assert question.human.message.startswith(reading.message)
    plain = [q for q in plan.questions if q.choices and q.human.message in RULES.values()]
    for question in plain:
        choice = readings.questions[question.pair.id].choice
        assert max(choice) == choice[0] > max(choice[1:])
    assert set(readings.speak) == {pair.id for pair in (*plan.calibration, *plan.test)}


def test_progress_names_the_stage_and_ends_at_its_total() -> None:
    seen: dict[str, tuple[int, int]] = {}
    plan = make_plan(TEAM, Limits(samples=1))
    take_readings(FakeEngine(RULES), plan, lambda s, d, t: seen.update({s: (d, t)}), name="base")
    assert len(seen) == 4
    assert all(
        stage.startswith("base: ") and done == total for stage, (done, total) in seen.items()
    )
