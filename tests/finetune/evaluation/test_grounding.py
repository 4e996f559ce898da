"""Names of code in a remark, and the line it stands on, against its window."""

import pytest

from finetune.code_names import code_names
from finetune.evaluation.grounding import score_grounding
from finetune.evaluation.metrics import UNKNOWN, Bootstrap
from finetune.evaluation.scorecard import Said
from tests.finetune.builders import make_window

WINDOW = make_window(" def run(rows):", "+    total_sum = os.path.join(a)", "-    old_name()")


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("Use `os.path.join` here.", ["os", "path", "join"]),
        ("total_sum is a bad name, and so is oldName.", ["total_sum", "oldName"]),
        ("call run() first", ["run"]),
        ("see os.path.join and self._rows", ["os", "path", "join", "self", "_rows"]),
        ("This is plain. Really, e.g. for i.e. words and/or more.", []),
        ("see https://example.org/some_page.html for why", []),
        ("`rows` twice: `rows`", ["rows"]),
    ],
)
def test_names_of_code_are_told_from_words(message: str, names: list[str]) -> None:
    assert code_names(message) == names


def said(message: str, anchor: str = "R2") -> Said:
    return Said(name="team", anchor=anchor, message=message)


def test_what_is_named_and_where_it_stands_are_counted_over_all_remarks() -> None:
    remarks = [
        said("`total_sum` and `nowhere`"),
        said("no names at all", "R1"),
        said("call old_name()", "L3"),
        said("`rows`", "R3"),  # row 3 is on the left side
        said("`rows`", "R9"),
    ]
    found = score_grounding("team", remarks, [WINDOW] * 5, Bootstrap(range(5)))
    assert found.named == 4
    assert found.names_known.value == pytest.approx(0.8)  # 4 of 5 names
    assert found.valid_line.value == pytest.approx(0.6)
    assert found.changed_line.value == pytest.approx(0.4)


def test_a_system_that_places_nothing_has_no_line_figures() -> None:
    found = score_grounding("constant", [said("Is this needed?", "")], [WINDOW], Bootstrap("a"))
    assert (found.valid_line, found.changed_line, found.names_known) == (UNKNOWN,) * 3
