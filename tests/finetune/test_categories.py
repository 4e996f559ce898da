"""The kind of a remark, from its words: what any reader would say of plain cases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.categories import CATEGORIES, categorize, cue_names, cues_of


@pytest.mark.parametrize(
    ("message", "category"),
    [
        ("nit: indent this by 4 spaces, and wrap at 80 columns", "style"),
        ("Please add a docstring that describes the arguments.", "documentation"),
        ("typo in this comment: s/teh/the/", "documentation"),
        ("I'd rename this variable, the name is misleading", "naming"),
        ("Why do we need this? I am not sure I understand.", "question"),
        ("This will crash if rows is None; check for that first.", "code"),
        ("You can remove this helper and just use `extend`.", "code"),
        ("Thanks, nice catch!", "other"),
    ],
)
def test_plain_cases_are_what_they_say(message: str, category: str) -> None:
    assert categorize(message) == category


@given(st.text(max_size=500))
def test_every_text_has_one_category_and_as_many_cues_as_names(text: str) -> None:
    assert categorize(text) in CATEGORIES
    assert len(cues_of(text)) == len(cue_names())
