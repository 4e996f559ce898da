"""Words of changed rows and of the path -> how much a window is like those that drew remarks.

A logistic regression over which words are there, how the rows are laid out, and whether it is the
first change of its author, learned on windows of the parts for training and early stopping, those
with an accepted remark against silent ones. It never sees a word of the remark, nor where it
stood. `lexicon.json` in the adapter's folder holds its weights, by word, to be read by a person.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path

import msgspec
import numpy as np

from finetune.files import read_part
from finetune.marks import layout_marks
from finetune.tokens import code_tokens
from postil.errors import AdapterError
from postil.records import Pair, Record, Split, Window

LEXICON_FILE = "lexicon.json"
VERSION = 2
READ = (1, 2)
"""The first version knew words alone, which mean the same still."""
LEARNED: tuple[Split, ...] = ("train", "validation")
LEAST_WINDOWS = 30
"""Of either kind; with fewer nothing is learned."""
LEAST_PULLS = 2
"""Pull requests a word must stand in: one alone says nothing, and might be a name."""
STRENGTH = 0.003
"""scikit-learn's C; from 0.003 to 0.03 changes little (docs/decisions/008)."""
NEWCOMER = "newcomer"
"""Beside the words: whether it is the first change of its author. It has no mark in front."""
COUNTED = 3.0
"""What it counts where a word counts one, so that it is weighed nearly freely: it is but one."""
DIGITS = 5
"""Of a weight."""
IN_PATH = re.compile(r"[/._]")


class Lexicon(Record, frozen=True, kw_only=True):
    """The weight of each word, its mark in front: `+` added, `-` removed, `/` in the path."""

    version: int = VERSION
    words: dict[str, float]
    intercept: float

    def log_odds(self, window: Window, newcomer: bool | None = None) -> float:
        """Of a remark on this window, among as many remarks as silences."""
        return self.intercept + sum(self._weights(window, newcomer).values())

    def telling(
        self, window: Window, most: int = 5, newcomer: bool | None = None
    ) -> list[tuple[str, float]]:
        """The words of a window that speak most for a remark or against, the strongest first."""
        weights = self._weights(window, newcomer)
        return sorted(weights.items(), key=lambda one: (-abs(one[1]), one[0]))[:most]

    def _weights(self, window: Window, newcomer: bool | None) -> dict[str, float]:
        """In the order of the words, so that every process sums alike."""
        known = told(window, newcomer) & self.words.keys()
        return {word: self.words[word] for word in sorted(known)}


def told(window: Window, newcomer: bool | None) -> set[str]:
    """The words of its changed rows and of its path, their layout, and whose change it is.

    `newcomer`: whether it is its author's first change; None (not known) counts as no.
    """
    found = {f"/{part}" for part in IN_PATH.split(window.path.lower()) if part}
    for line in window.lines:
        if line.kind != " ":
            found.update(line.kind + token for token in code_tokens(line.text))
    return found | layout_marks(window) | ({NEWCOMER} if newcomer else set())


def learned_from(pairs: Iterable[Pair]) -> list[Pair]:
    """The remarks and silences of the parts no gate is fitted on, whose windows are known."""
    return [
        pair
        for pair in pairs
        if pair.split in LEARNED and pair.kind != "ambiguous" and pair.located and pair.window
    ]


def learn_lexicon(pairs: Iterable[Pair], strength: float = STRENGTH) -> Lexicon | None:
    """From what no gate is fitted on; None where that has too few remarks, or too few silences."""
    learned = [
        (pair, told(pair.window, pair.newcomer)) for pair in learned_from(pairs) if pair.window
    ]
    remarked = np.array([pair.kind == "remark" for pair, _ in learned], dtype=bool)
    if min(int(remarked.sum()), int((~remarked).sum())) < LEAST_WINDOWS:
        return None
    words = _known(learned)
    if not words:
        return None
    from sklearn.feature_extraction import DictVectorizer  # slow to import
    from sklearn.linear_model import LogisticRegression

    there = DictVectorizer()
    counts = {word: COUNTED if word == NEWCOMER else 1.0 for word in words}
    values = there.fit_transform([{w: counts[w] for w in here & words} for _, here in learned])
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)
    model.fit(values, remarked)
    names = there.get_feature_names_out().tolist()
    weights = zip(names, model.coef_[0], strict=True)
    return Lexicon(
        words={word: round(float(weight) * counts[word], DIGITS) for word, weight in weights},
        intercept=round(float(model.intercept_[0]), DIGITS),
    )


def _known(learned: Sequence[tuple[Pair, set[str]]]) -> set[str]:
    """The words of several pull requests."""
    pulls = defaultdict[str, set[int]](set)
    for pair, words in learned:
        for word in words:
            pulls[word].add(pair.pull)
    return {word for word, found in pulls.items() if len(found) >= LEAST_PULLS}


def write_lexicon(path: Path, lexicon: Lexicon) -> None:
    """Write `lexicon.json`."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(lexicon), indent=1))


def read_lexicon(path: Path) -> Lexicon:
    """Load `lexicon.json`; AdapterError where it is not one we can compute with."""
    lexicon = read_part(path, Lexicon, "a lexicon")
    if lexicon.version not in READ:
        raise AdapterError(f"{path}: version {lexicon.version}, this Postil reads up to {VERSION}")
    if not all(isfinite(weight) for weight in (lexicon.intercept, *lexicon.words.values())):
        raise AdapterError(f"{path}: a weight is no number")
    return lexicon
