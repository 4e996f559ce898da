"""Code and prose that are no review, read before and after."""

import pytest

from finetune.evaluation.forgetting import PIECE, measure_forgetting, plain_texts
from finetune.evaluation.plan import PlainText
from finetune.evaluation.readings import Readings

TEXTS = [
    PlainText(kind="code", source="a.py", text="x"),
    PlainText(kind="code", source="b.py", text="y"),
    PlainText(kind="prose", source="LICENSE", text="z"),
]


def read(*plain: tuple[float, int]) -> Readings:
    return Readings(speak={}, loss={}, questions={}, plain=plain)


def test_both_kinds_are_on_this_machine_and_bounded() -> None:
    texts = plain_texts(12)
    assert [text.kind for text in texts].count("code") == 12
    assert 0 < [text.kind for text in texts].count("prose") <= 12
    assert all(len(text.text) == PIECE for text in texts)
    assert texts == plain_texts(12)
    assert any("def " in text.text for text in texts if text.kind == "code")


def test_growth_is_how_much_worse_the_adapter_reads() -> None:
    base, adapter = read((2.0, 2), (6.0, 6), (1.0, 1)), read((4.0, 2), (12.0, 6), (1.0, 1))
    code, prose = measure_forgetting(TEXTS, base, adapter, seed=7)
    assert (code.pieces, prose.pieces) == (2, 1)
    assert code.base.value == pytest.approx(2.71828, rel=1e-5)
    assert code.adapter.value == pytest.approx(7.38906, rel=1e-5)
    assert code.growth.value == pytest.approx(1.71828, rel=1e-5)
    assert prose.growth.value == 0.0


def test_without_texts_nothing_is_claimed() -> None:
    assert measure_forgetting([], read(), read(), seed=7) == ()
