"""The four-way choice without a model, on the parts that are not the test part.

    python -m benchmarks.choices PAIRS.jsonl

Remarks of the early-stopping and calibration parts, each beside three others of them; what is
remembered is the training part. By retrieval, and by words in common.
"""

from pathlib import Path

import click
from msgspec.structs import replace

from finetune.evaluation.choices import RETRIEVAL, WORDS, choose_by_retrieval, choose_by_words
from finetune.evaluation.plan import Limits, make_plan
from finetune.evaluation.tables import render_interval
from finetune.evaluation.trial import Trial
from finetune.foreign_pairs import read_any_pairs
from finetune.recall import Recall, index_entries

ASKED = ("validation", "calibration")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--seed", default=7, show_default=True)
def compare(file: Path, seed: int) -> None:
    """Print both, with their 95 % intervals by pull request."""
    pairs = read_any_pairs(file)
    asked = [replace(p, split="test") for p in pairs if p.split in ASKED and p.kind == "remark"]
    plan = make_plan(asked, Limits(remarks=None, choices=None, samples=0), seed)
    trial = Trial(plan, Recall(index_entries(pairs)), min_precision=0.5, seed=seed)
    for name, choose in ((RETRIEVAL, choose_by_retrieval), (WORDS, choose_by_words)):
        choices = choose(trial.recall, plan.questions)
        found = trial.asked.interval(trial.four_way(choices))
        click.echo(f"{name}: {render_interval(found)} of {len(choices)} remarks; chance is 0.25")


if __name__ == "__main__":
    compare()
