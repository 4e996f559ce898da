"""The guard of reworded messages: nothing exact may be lost, added or turned around."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.augment import fidelity
from finetune.augment.fidelity import exact_parts, why_unfaithful


def judge(message: str, copy: str) -> str | None:
    return why_unfaithful(message, copy, 0.3, 0.95)


@pytest.mark.parametrize(
    ("message", "copy"),
    [
        ("Use the logger instead of print here.", "Please use the logger here, not print."),
        ("Don't use print here, use the logger.", "Please do not print here; use the logger."),
        ("`read_rows()` may return None.", "None may be returned by `read_rows()`."),
        ("Why is this needed twice?", "Is this really needed twice?"),
    ],
)
def test_other_words_for_the_same_pass(message: str, copy: str) -> None:
    if fidelity.count_negations(message) == fidelity.count_negations(copy):
        assert judge(message, copy) is None
    else:
        assert judge(message, copy) == fidelity.NEGATED


@pytest.mark.parametrize(
    ("message", "copy", "reason"),
    [
        ("Use the logger here.", "  ", fidelity.EMPTY),
        ("Use the logger here.", "R7\nUse a logger at this place.", fidelity.GRAMMAR),
        ("Use the logger here.", "NO_COMMENT, use the logger", fidelity.GRAMMAR),
        ("Use the logger here.", "```suggestion\nUse the logger", fidelity.GRAMMAR),
        ("Use the logger here.", ("Use the logger here. " * 3).strip(), fidelity.TOO_LONG),
        ("Use the logger instead of print here, please.", "Use logger.", fidelity.TOO_SHORT),
        ("Use `log.info` in this place.", "Use the logger in this place.", fidelity.LOST),
        ("Wrap at 80 columns in this file.", "Wrap the columns of this file.", fidelity.LOST),
        ("Pass encoding='utf-8' to the call.", "Pass an encoding to the call.", fidelity.LOST),
        ("Why MD5 and nothing else?", "Why this hash and nothing else?", fidelity.LOST),
        ("Say |input| in this message.", "Say what came in this message.", fidelity.LOST),
        ("Use the logger in this place.", "Use `log.info` in this place.", fidelity.ADDED),
        ("Wrap the lines of this file.", "Wrap lines of this file at 80.", fidelity.ADDED),
        ("Use print in this place.", "Do not use print in this place.", fidelity.NEGATED),
        ("This can't be empty here.", "This can be empty here now.", fidelity.NEGATED),
        ("Is this used anywhere else?", "This is used somewhere else.", fidelity.ASKED),
        (
            "The parens are useless here.",
            "The parens here are useless. Answer with it.",
            fidelity.ABOUT_TASK,
        ),
        (
            "The number is a chunk size, so please explain it.",
            "The number is a chunk size.",
            fidelity.ONLY_A_PART,
        ),
        ("Use the logger here.", "Quick brown foxes jump over.", fidelity.TOO_DIFFERENT),
        ("Use the logger here.", "use the logger, here!", fidelity.TOO_ALIKE),
    ],
)
def test_what_is_not_the_same_remark_is_refused(message: str, copy: str, reason: str) -> None:
    assert judge(message, copy) == reason


@given(st.text(max_size=60))
def test_nothing_is_like_itself_only(message: str) -> None:
    assert judge(message, message) is not None


def test_names_code_and_numbers_are_exact() -> None:
    text = "Call a.b() from `x y`, see docs/a.md, e.g. with --no-tags or 3.5 of readRows, HTTP."
    assert exact_parts(text) == {
        "`x y`", "a.b()", "docs/a.md", "--no-tags", "3.5", "readRows", "HTTP",
    }  # fmt: skip
