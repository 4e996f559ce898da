"""CodeReviewer's scorer on known outputs.

The numbers are what the published `evaluator/smooth_bleu.py` gives for each pair of texts: once
as it is, once with scikit-learn's stop words in the place of its own list.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.evaluation.bleu import reviewer_bleu

KNOWN = (
    ("Name the exception you expect here.", "Please name the exception.", 35.745673, 37.991784),
    (
        "Use `self.log_error()` instead of print.",
        "use self.log_error() here, not print",
        49.862068,
        53.951099,
    ),
    ("", "Is this needed?", 1.831564, 4.978707),
    ("Done.", "Done.", 100.0, 100.0),
    (
        "Why is this 3.5 seconds, not 3-4?",
        "3.5 seconds seems long.",
        25.612540,
        33.980885,
    ),
)


@pytest.mark.parametrize(("text", "reference", "whole", "without"), KNOWN)
def test_it_is_the_published_scorer(
    text: str, reference: str, whole: float, without: float
) -> None:
    assert reviewer_bleu(text, reference) == pytest.approx(whole, abs=1e-5)
    assert reviewer_bleu(text, reference, stop_words=False) == pytest.approx(without, abs=1e-5)


def test_no_common_word_is_as_good_as_nothing_by_hand() -> None:
    # 0 of 2 words, then (0+1)/(1+1) and twice (0+1)/(0+1); lengths 2 and 3: exp(1 - 4/3)
    assert reviewer_bleu("use that", "is this needed") < 1e-70
    # 1 of 2 words, (0+1)/(1+1), 1, 1: (1/4) ** (1/4) * exp(1 - 4/3)
    assert reviewer_bleu("use this", "is this needed") == pytest.approx(50.6664, abs=1e-3)


@given(st.text(max_size=80), st.text(max_size=80))
def test_every_two_texts_have_a_likeness_from_0_to_100(text: str, reference: str) -> None:
    for stop_words in (True, False):
        assert 0 <= reviewer_bleu(text, reference, stop_words=stop_words) <= 100 + 1e-9
        assert reviewer_bleu(text, text, stop_words=stop_words) == pytest.approx(100)
