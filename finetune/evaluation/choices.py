"""The four-way choice without a model: what a reviewer said, told from three other remarks.

*Past remarks* takes the remark most like those that fit the same row, as an adapter quotes
(decision 009). *Retrieval*, its rival, takes that most like those made on similar windows.
*Words in common* takes the one whose names stand in the window, and more so than in windows at
large: the lexical counterpart of log p(remark | window) - log p(remark).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import fsum, log, sqrt

from finetune.evaluation.metrics import chrf
from finetune.evaluation.plan import Question
from finetune.evaluation.scorecard import ChoiceScore
from finetune.evaluation.trial import Choice, Trial
from finetune.fitting import fit, fitting
from finetune.recall import IndexEntry, Recall
from finetune.tokens import code_tokens
from postil.answer import Anchor
from postil.records import Window

RETRIEVAL, ROWS, WORDS = "retrieval", "past remarks by rows", "words in common"
SIMILAR = 3
"""Past remarks that an option is compared with."""


class WordsInCommon:
    """How much more of a message stands in a window, and in its anchored rows, than elsewhere."""

    def __init__(self, entries: Sequence[IndexEntry]) -> None:
        self._count = len(entries)
        self._windows = Counter(t for entry in entries for t in set(code_tokens(entry.text)))
        self._rows = Counter(
            t for entry in entries for t in set(code_tokens("\n".join(entry.rows())))
        )

    def score(self, message: str, window: Window, anchor: Anchor) -> float:
        """Above 0: more than a window of the training part holds of it on average."""
        tokens = set(code_tokens(message))
        rows = [line.text for line in window.lines]
        whole = set(code_tokens("\n".join((window.path, *rows))))
        anchored = set(code_tokens("\n".join(rows[anchor.start - 1 : anchor.end])))
        return self._lift(tokens, whole, self._windows) + self._lift(tokens, anchored, self._rows)

    def _lift(self, tokens: set[str], here: set[str], elsewhere: Counter[str]) -> float:
        """`elsewhere`: in how many of the windows, or of their anchored rows, a token stands."""
        if not tokens or not self._count:
            return 0.0
        weights = {token: self._weight(token) for token in tokens}
        held = fsum(
            weight * ((token in here) - elsewhere[token] / self._count)
            for token, weight in weights.items()
        )
        return held / sqrt(fsum(weights.values()))

    def _weight(self, token: str) -> float:
        """Rare tokens count more, as in BM25."""
        seen = self._windows[token]
        return log(1 + (self._count - seen + 0.5) / (seen + 0.5))


def score_choices(
    trial: Trial, ours: Sequence[Choice], engines: Mapping[str, Sequence[Choice]]
) -> tuple[ChoiceScore, ...]:
    """The adapter's choices beside those of other engines and of the rivals without a model."""
    questions = trial.plan.questions
    theirs = {
        **engines,
        ROWS: choose_by_rows(trial.recall, questions),
        RETRIEVAL: choose_by_retrieval(trial.recall, questions),
        WORDS: choose_by_words(trial.recall, questions),
    }
    return tuple(
        ChoiceScore(
            name=name,
            four_way=trial.asked.interval(trial.four_way(choices)),
            gain=trial.asked.difference(trial.four_way(ours), trial.four_way(choices)),
        )
        for name, choices in theirs.items()
    )


def choose_by_words(recall: Recall, questions: Sequence[Question]) -> list[Choice]:
    """A score for each option of each question; empty where there are no options."""
    words = WordsInCommon(recall.entries)
    return [
        tuple(words.score(text, asked.window, asked.human.anchor) for text in asked.choices)
        for asked in questions
    ]


def choose_by_rows(recall: Recall, questions: Sequence[Question]) -> list[Choice]:
    """A score for each option: its likeness to the remarks that fit the reviewer's row best."""
    return [
        _likeness(
            question,
            [
                (fit(match), match.entry.message)
                for match in fitting(
                    recall,
                    question.window,
                    question.human.anchor,
                    question.pair.decided_at,
                    SIMILAR,
                )
            ],
        )
        for question in questions
    ]


def choose_by_retrieval(recall: Recall, questions: Sequence[Question]) -> list[Choice]:
    """A score for each option: its likeness to the remarks on the most similar code."""
    return [
        _likeness(
            question,
            [
                (match.similarity, match.entry.message)
                for match in recall.similar(question.window, question.pair.decided_at, SIMILAR)
            ],
        )
        for question in questions
    ]


def _likeness(question: Question, past: Sequence[tuple[float, str]]) -> Choice:
    """`past`: what was said where, and how much that counts here."""
    return tuple(
        fsum(weight * chrf(text, message) for weight, message in past) for text in question.choices
    )
