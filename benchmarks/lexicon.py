"""What the words of a change and its likest row tell, on parts that no test reads.

    python -m benchmarks.lexicon PAIRS.jsonl

Learned on the training part at several strengths of regularisation; ROC-AUC and average precision
on the calibration part and on that of early stopping, beside the size of the change and how like
its likest row, or the whole window, is to what drew a remark. Under a minute. How the lexicon was
chosen, and the feature `row_likeness`; the test part is not looked at.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np

from finetune.evaluation.metrics import Ranking
from finetune.features import ROWS, cheap_features
from finetune.lexicon import learn_lexicon
from finetune.recall import Recall, index_entries
from postil.records import Pair, Window, read_jsonl

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
PARTS = ("calibration", "validation")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def lexicon(file: Path) -> None:
    """Print a Markdown table."""
    pairs = [p for p in read_jsonl(file, Pair) if p.window and p.located and p.kind != "ambiguous"]
    click.echo(f"| | {' | '.join(PARTS)} |\n|---|---|---|")
    recall = Recall(index_entries(pairs))
    for feature in ("changed_characters", ROWS, "best_similarity"):
        click.echo(_row(feature, partial(_cheap, recall, feature), pairs))
    for strength in STRENGTHS:
        learned = learn_lexicon(pairs, strength)
        if learned is None:
            raise click.ClickException(f"{file}: too few remarks or silences to learn words from")
        click.echo(_row(f"words, C = {strength}", learned.log_odds, pairs))


def _cheap(recall: Recall, feature: str, window: Window) -> float:
    """What is remembered is of the training part, and so older than both parts."""
    return cheap_features(window, recall, None)[feature]


def _row(name: str, score: Callable[[Window], float], pairs: list[Pair]) -> str:
    return f"| {name} | {' | '.join(_cell(score, pairs, part) for part in PARTS)} |"


def _cell(score: Callable[[Window], float], pairs: list[Pair], part: str) -> str:
    """ROC-AUC and average precision on one part."""
    here = [(p.window, p.kind == "remark") for p in pairs if p.split == part and p.window]
    ranked = Ranking([score(window) for window, _ in here], [said for _, said in here])
    whole = np.ones(len(here))
    return f"{float(ranked.auc(whole)):.2f} ({float(ranked.average_precision(whole)):.2f})"


if __name__ == "__main__":
    lexicon()
