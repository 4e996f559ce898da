"""Likeness against known outputs and slow ways of computing it; variety with its intervals."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.evaluation.metrics import UNKNOWN, Bootstrap
from finetune.evaluation.text import longest_common, rouge_l, score_remarks, score_variety

WORDS = st.lists(st.sampled_from("abc"), max_size=7)


@given(WORDS, WORDS)
def test_the_longest_common_subsequence_is_the_longest_there_is(
    ours: list[str], theirs: list[str]
) -> None:
    def subsequences(words: list[str]) -> set[tuple[str, ...]]:
        return {some for n in range(len(words) + 1) for some in combinations(words, n)}

    common = subsequences(ours) & subsequences(theirs)
    assert longest_common(ours, theirs) == max(map(len, common))


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        # outputs of rouge-score 0.1.2, rougeL without a stemmer
        ("The quick brown fox jumps.", "the quick dog jumps over", 60.0),
        ("Use `self.log_error()` here.", "use log_error(), not print", 60.0),
        ("", "anything", 0.0),
        ("same words", "Same words!", 100.0),
    ],
)
def test_rouge_l_is_that_of_the_rouge_score_package(
    text: str, reference: str, expected: float
) -> None:
    assert rouge_l(text, reference) == pytest.approx(expected)


def test_a_system_that_repeats_itself_is_told_from_one_that_does_not() -> None:
    draws = Bootstrap(range(10), resamples=50)
    human = [f"rename value {n} please" for n in range(10)]
    constant = score_remarks("constant", ["use a logger"] * 10, human, draws)
    varied = score_remarks("varied", human, human, draws)
    assert (constant.top_share.value, constant.top_share.low) == (1.0, 1.0)
    assert constant.distinct_1.value == pytest.approx(0.1)
    assert varied.top_share.value == pytest.approx(0.1)
    assert (varied.exact_match.value, constant.exact_match.value) == (1.0, 0.0)
    assert varied.chrf.value == varied.bleu.value == varied.rouge_l.value == 100.0
    assert (constant.words.value, varied.words.value) == (3.0, 4.0)


def test_intervals_of_variety_hold_the_figure_itself() -> None:
    said = ["one two", "one three", "four five", "one two", "six", "seven eight nine"]
    found = score_variety("team", said, Bootstrap("aabbcd"))
    for figure in (found.distinct_1, found.top_share):
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < figure.value < figure.high


def test_nothing_said_is_unknown_and_not_nought() -> None:
    empty = score_remarks("mute", [], [], Bootstrap([]))
    assert empty.samples == 0
    assert {empty.chrf, empty.distinct_1, empty.top_share, empty.words} == {UNKNOWN}
    silent = score_variety("silent", ["", " "], Bootstrap("ab"))
    assert silent.spoken.value == 0.0
    assert {silent.distinct_1, silent.top_share, silent.words} == {UNKNOWN}


def test_a_place_without_words_is_no_remark_that_is_repeated() -> None:
    said = ["", "one two", "", "three", " ", "", "one  two", "four five six"]
    found = score_variety("quoting", said, Bootstrap("abcdefgh"))
    assert (found.spoken.value, found.top_share.value, found.words.value) == (0.5, 0.5, 2.0)
