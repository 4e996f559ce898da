"""CodeReviewer's BLEU of one remark against one reference, 0 to 100, in both published variants.

Sentence BLEU-4, 1 added to the counts of two words and more, with a brevity penalty of its own; a
system's figure is the mean over its remarks. Read from `evaluator/smooth_bleu.py` of CodeReviewer
(https://github.com/microsoft/CodeBERT), with which the tests' known outputs were computed. Stop
words are scikit-learn's 318; the published list is longer (docs/evaluation.md).
"""

import re
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache
from math import exp, log

PIECES = re.compile(r"\w+|[^\w\s]+")
"""Runs of word characters and of marks, as nltk's wordpunct_tokenize cuts them."""
TOKENS = re.compile(r"[^\W_]+|_|[^\w\s]")
LONGEST = 4
LEAST = sys.float_info.min
"""Stands for no count at all, whose logarithm would be none."""


def reviewer_bleu(text: str, reference: str, *, stop_words: bool = True) -> float:
    """The likeness; `stop_words` False leaves them out of both texts first."""
    said, wanted = (_tokens(one, stop_words) for one in (text, reference))
    precision = sum(_log_precision(said, wanted, length) for length in range(1, LONGEST + 1))
    brevity = min(0.0, 1 - (len(wanted) + 1) / (len(said) + 1))
    return 100 * exp(precision / LONGEST + brevity)


def _log_precision(said: Sequence[str], wanted: Sequence[str], length: int) -> float:
    ours, theirs = _runs(said, length), _runs(wanted, length)
    added = 0 if length == 1 else 1
    return log((ours & theirs).total() + added + LEAST) - log(ours.total() + added + LEAST)


def _runs(tokens: Sequence[str], length: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[at : at + length]) for at in range(len(tokens) - length + 1))


def _tokens(text: str, stop_words: bool) -> list[str]:
    """Words and single marks in lower case; stop words go before, so `The` stays, as published."""
    pieces = PIECES.findall(text)
    if not stop_words:
        left_out = _stop_words()
        pieces = [piece for piece in pieces if piece not in left_out]
    return TOKENS.findall(" ".join(pieces).lower())


@cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)
