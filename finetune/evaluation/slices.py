"""The adapter's figures on some of the remarks: by reviewer, by language, by category.

A slice with fewer than LEAST_REMARKS says nothing and is left out. Remarks of a reviewer or of a
category stand against all silences, those of a language against silences of that language.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from finetune.categories import categorize
from finetune.evaluation.metrics import Ranking, masked
from finetune.evaluation.readings import Readings
from finetune.evaluation.scorecard import Slice, SliceKind
from finetune.evaluation.systems import Decider
from finetune.evaluation.trial import Trial
from postil.answer import remark_text
from postil.records import Pair

LEAST_REMARKS = 10


def most_frequent_author(pairs: Iterable[Pair]) -> str:
    """Whose remarks teach most; "" where fewer than two people teach."""
    counts = Counter(p.author for p in pairs if (p.split, p.kind) == ("train", "remark"))
    authors = counts.most_common()
    return authors[0][0] if len(authors) > 1 else ""


def score_slices(trial: Trial, way: Decider, readings: Readings, author: str) -> tuple[Slice, ...]:
    """Every slice with enough remarks; `author` is the key of the most frequent reviewer."""
    ranking = Ranking(way.probabilities, trial.labels)
    four_way = trial.four_way(trial.choices(readings))
    found = []
    for kind, name, counted in _slices(trial.plan.test, author):
        rows = trial.clear * [pair.id in counted for pair in trial.plan.test]
        remarks = int((rows * trial.labels).sum())
        if remarks < LEAST_REMARKS:
            continue
        asked = [question.pair.id in counted for question in trial.plan.questions]
        choices = [bool(question.choices) for question in trial.plan.questions]
        found.append(
            Slice(
                kind=kind,
                name=name,
                remarks=remarks,
                silences=int((rows * (1 - trial.labels)).sum()),
                auc=trial.windows.interval(masked(ranking.auc, rows)),
                average_precision=trial.windows.interval(masked(ranking.average_precision, rows)),
                four_way=trial.asked.interval(masked(four_way, asked)),
                four_way_count=sum(map(min, asked, choices)),
            )
        )
    return tuple(found)


def _slices(test: Sequence[Pair], author: str) -> Iterator[tuple[SliceKind, str, set[str]]]:
    """Kind, name, and the ids of the windows that count: remarks and what they stand against."""
    remarks = [pair for pair in test if pair.kind == "remark"]
    silences = {pair.id for pair in test if pair.kind == "silence"}
    if author:
        theirs = {pair.id for pair in remarks if pair.author == author}
        others = {pair.id for pair in remarks} - theirs
        yield "reviewer", "the most frequent reviewer", theirs | silences
        yield "reviewer", "everybody else", others | silences
    for name in _most_frequent_first(map(_language, remarks)):
        yield "language", name, {pair.id for pair in test if _language(pair) == name}
    categories = {pair.id: categorize(remark_text(pair.response)) for pair in remarks}
    for name in _most_frequent_first(categories.values()):
        here = {one for one, category in categories.items() if category == name}
        yield "category", name, here | silences


def _language(pair: Pair) -> str:
    return pair.window.language if pair.window else ""


def _most_frequent_first(names: Iterable[str]) -> list[str]:
    return [name for name, _ in sorted(Counter(names).items(), key=lambda one: (-one[1], one[0]))]
