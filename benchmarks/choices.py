"""The four-way choice on the parts that are not the test part: without a model, and with one.

    python -m benchmarks.choices PAIRS.jsonl [--adapter FOLDER]

Remarks of the early-stopping and calibration parts, each beside three others of them; what is
remembered is the training part. By retrieval, by past remarks on like rows and by words in common;
with an adapter also by it, by its bare base, and by adapter and words together. How much words
weigh beside the adapter is cross-fitted: chosen on the other pull requests, in five folds.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from statistics import pstdev

import click
from msgspec.structs import replace

from finetune.cards import load_card
from finetune.evaluation.choices import (
    RETRIEVAL,
    ROWS,
    WORDS,
    choose_by_retrieval,
    choose_by_rows,
    choose_by_words,
)
from finetune.evaluation.plan import Limits, Plan, Question, make_plan
from finetune.evaluation.proof import LOCAL, opened
from finetune.evaluation.tables import render_interval
from finetune.evaluation.trial import Choice, Trial
from finetune.features import pull_of
from finetune.foreign_pairs import read_any_pairs
from finetune.processor import prepare_processor
from finetune.recall import Recall, index_entries
from finetune.weighing import weigh
from postil.settings import postil_home

ASKED = ("validation", "calibration")
FOLDS = 5
WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Of words in common beside the adapter, both by their own spread."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--adapter", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--seed", default=7, show_default=True)
def compare(file: Path, adapter: Path | None, seed: int) -> None:
    """Print all, with their 95 % intervals by pull request."""
    prepare_processor()
    pairs = read_any_pairs(file)
    asked = [replace(p, split="test") for p in pairs if p.split in ASKED and p.kind == "remark"]
    plan = make_plan(asked, Limits(remarks=None, choices=None, samples=0), seed)
    trial = Trial(plan, Recall(index_entries(pairs)), min_precision=0.5, seed=seed)
    found = {
        RETRIEVAL: choose_by_retrieval(trial.recall, plan.questions),
        ROWS: choose_by_rows(trial.recall, plan.questions),
        WORDS: choose_by_words(trial.recall, plan.questions),
    }
    if adapter:
        found["bare base"] = chosen(None, adapter, plan)
        found["adapter"] = chosen(adapter, adapter, plan)
        found["adapter and words"] = together(plan.questions, found["adapter"], found[WORDS])
    for name, choices in found.items():
        value = render_interval(trial.asked.interval(trial.four_way(choices)))
        click.echo(f"{name}: {value} of {len(choices)} remarks; chance is 0.25")


def chosen(folder: Path | None, adapter: Path, plan: Plan) -> list[Choice]:
    """By how much each window speaks for each option."""
    card = load_card(adapter)
    with opened(folder, card, postil_home(os.environ), LOCAL) as engine:
        return [
            weigh(engine, one.pair.instruction, one.human.anchor, one.choices)
            if one.choices
            else ()
            for one in plan.questions
        ]


def together(
    questions: Sequence[Question], first: Sequence[Choice], second: Sequence[Choice]
) -> list[Choice]:
    """Sums of both, the weight of the second chosen on the other folds."""
    groups = sorted({pull_of(one.pair) for one in questions})
    fold = {group: number % FOLDS for number, group in enumerate(groups)}
    sums = {weight: _summed(first, second, weight) for weight in WEIGHTS}
    found: list[Choice] = []
    for at, question in enumerate(questions):
        mine = fold[pull_of(question.pair)]
        others = [n for n, one in enumerate(questions) if fold[pull_of(one.pair)] != mine]
        best = max(WEIGHTS, key=lambda weight: sum(_right(sums[weight][n]) for n in others))
        found.append(sums[best][at])
    return found


def _summed(first: Sequence[Choice], second: Sequence[Choice], weight: float) -> list[Choice]:
    spreads = [pstdev([score for choice in some for score in choice]) for some in (first, second)]
    return [
        tuple(
            a / spreads[0] + weight * b / (spreads[1] or 1.0) for a, b in zip(one, two, strict=True)
        )
        if one and two
        else ()
        for one, two in zip(first, second, strict=True)
    ]


def _right(choice: Choice) -> bool:
    return bool(choice) and choice[0] > max(choice[1:])


if __name__ == "__main__":
    compare()
