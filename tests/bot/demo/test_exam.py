"""The exam: truth on windows, marks, and reading which rule a text is about."""

import pytest

from bot.demo.exam import Answer, Item, RuleReader, exam_items, is_right, mark_system
from bot.demo.pieces import read_content
from bot.demo.team import Team
from postil.records import DiffLine, Window

RULES = read_content().rules


def window(*texts: str) -> Window:
    lines = tuple(DiffLine(kind="+", text=text, new=i) for i, text in enumerate(texts, 1))
    return Window(path="a.py", language="python", lines=lines)


ITEMS = [
    Item(pull=1, window=window("try:", "except:"), rule="bare-except", line=2),
    Item(pull=1, window=window("x = 1")),
    Item(pull=2, window=window("print(x)"), rule="print-logging", line=1),
    Item(pull=2, window=window("y = 2")),
]


def test_every_planted_violation_is_in_exactly_one_window(team: Team) -> None:
    diffs = {
        pull.number: (team.unseen / pull.diff).read_text(encoding="utf-8")
        for pull in team.truth.pulls
    }
    items = exam_items(team.truth, diffs, 24)
    planted = sum(len(pull.violations) for pull in team.truth.pulls)
    assert sum(bool(item.rule) for item in items) == planted >= 60
    assert sum(not item.rule for item in items) >= 120
    for item in (item for item in items if item.rule):
        assert item.line in {line.new for line in item.window.lines}


def test_marks_count_lines_silence_and_the_rule() -> None:
    answers = [
        Answer(
            probability=0.9, line=2, end=2, message="Please name the exception, no bare except."
        ),
        Answer(probability=0.8, line=1, end=1, message="Use a logger."),
        Answer(probability=0.7, line=1, end=2, message="Pass a timeout to this request."),
        Answer(probability=0.1),
    ]
    result = mark_system("x", "", ITEMS, answers, RuleReader(RULES))
    assert result.spoken == 3
    assert result.precision.value == pytest.approx(2 / 3)
    assert result.recall.value == 1
    assert result.silence.value == 0.5
    assert result.rule.value == 0.5
    assert result.auc.value == pytest.approx(0.75)
    assert result.precision.low is not None and result.precision.low <= 2 / 3


def test_a_system_that_never_speaks_has_no_precision() -> None:
    result = mark_system("x", "", ITEMS, [Answer(probability=0.5)] * 4, RuleReader(RULES))
    assert (result.precision.value, result.recall.value, result.auc.value) == (None, 0.0, 0.5)


def test_a_remark_beside_the_fault_is_wrong() -> None:
    assert not is_right(ITEMS[0], Answer(probability=1, line=1, end=1, message="here"))


def test_the_rule_of_a_remark_is_read_from_its_words() -> None:
    reader = RuleReader(RULES)
    pairs = [(rule.slug, remark) for rule in RULES for remark in rule.remarks]
    right = sum(reader.read(remark) == slug for slug, remark in pairs)
    assert right / len(pairs) > 0.9
    assert reader.read("zzz") == ""
