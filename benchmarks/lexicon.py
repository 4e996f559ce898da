"""What the words of a change, its likest row and the prior tell, on a part that no test reads.

    python -m benchmarks.lexicon PAIRS.jsonl

Learned on the parts for training and early stopping, the words at several strengths of
regularisation; ROC-AUC and average precision on the calibration part, beside the size of the change
and how like its likest row, or the whole window, is to what drew a remark. Under a minute. The test
part is not looked at.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np

from finetune.evaluation.metrics import Ranking
from finetune.feature_names import PRIOR, ROWS
from finetune.features import cheap_features
from finetune.lexicon import Lexicon, learn_lexicon
from finetune.memory import learn_memory
from finetune.recall import Recall, index_entries
from postil.records import Pair, Window, read_jsonl

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def lexicon(file: Path) -> None:
    """Print a Markdown table."""
    pairs = [p for p in read_jsonl(file, Pair) if p.window and p.located and p.kind != "ambiguous"]
    click.echo("| | ROC-AUC | average precision |\n|---|---|---|")
    recall = learn_memory(pairs, index_entries(pairs), seed=7)
    for feature in ("changed_characters", ROWS, "best_similarity", PRIOR):
        click.echo(_row(feature, partial(_cheap, recall, feature), pairs))
    for strength in STRENGTHS:
        learned = learn_lexicon(pairs, strength)
        if learned is None:
            raise click.ClickException(f"{file}: too few remarks or silences to learn words from")
        click.echo(_row(f"words, C = {strength}", partial(_words, learned), pairs))


def _cheap(recall: Recall, feature: str, pair: Pair, window: Window) -> float:
    """What is remembered is of the training part, and so older."""
    return cheap_features(window, recall, None, pair.newcomer)[feature]


def _words(lexicon: Lexicon, pair: Pair, window: Window) -> float:
    return lexicon.log_odds(window, pair.newcomer)


def _row(name: str, score: Callable[[Pair, Window], float], pairs: list[Pair]) -> str:
    """ROC-AUC and average precision on the calibration part."""
    here = [(p, p.window) for p in pairs if p.split == "calibration" and p.window]
    labels = [pair.kind == "remark" for pair, _ in here]
    ranked, whole = Ranking([score(*one) for one in here], labels), np.ones(len(here))
    auc, precision = float(ranked.auc(whole)), float(ranked.average_precision(whole))
    return f"| {name} | {auc:.2f} | {precision:.2f} |"


if __name__ == "__main__":
    lexicon()
