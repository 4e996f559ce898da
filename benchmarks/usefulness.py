"""Would a classifier of useful remarks, trained on labelled ones, improve what is kept?

    python -m benchmarks.usefulness FILE.jsonl.gz

FILE holds records with `comment`, `pr` and `labels.usefulness_manual` (0 to 2), as nova's hand
labels of 1,822 remarks do. TF-IDF and logistic regression, cross-validated by pull request, over
all remarks and over those that our rules keep. See docs/decisions/004-no-usefulness-classifier.md.
"""

import gzip
import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from mining.filters import drop_reason
from postil.records import ReviewThread, Span
from postil.settings import MiningSettings

DROPPED = 0.1


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True))
def measure(file: Path) -> None:
    """Cross-validate and print what dropping the least useful tenth would bring."""
    records = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    useful = np.array([record["labels"]["usefulness_manual"] > 0 for record in records])
    kept = np.array([kept_by_rules(record["comment"]) for record in records])
    model = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=3, sublinear_tf=True),
        LogisticRegression(class_weight="balanced", max_iter=500),
    )
    scores = cross_val_predict(
        model,
        [record["comment"] for record in records],
        useful,
        groups=[record["pr"] for record in records],
        cv=GroupKFold(5),
        method="predict_proba",
    )[:, 1]
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": platform.machine(),
        "all remarks": effect(useful, scores),
        "those our rules keep": effect(useful[kept], scores[kept]),
        "share of useful ones among those our rules drop": round(float(useful[~kept].mean()), 2),
    }
    click.echo(json.dumps(found, indent=1))


def kept_by_rules(comment: str) -> bool:
    """Whether our filters keep these words, on a file that says nothing."""
    thread = ReviewThread(
        id="1",
        repo="a/b",
        pull=1,
        revision="",
        span=Span(path="a.py", side="RIGHT", start=1, end=1),
        author="someone",
        author_kind="person",
        body=comment,
        created_at=datetime.now(UTC),
        url="",
    )
    return drop_reason(thread, MiningSettings()) is None


def effect(useful: "np.ndarray[Any, Any]", scores: Sequence[float]) -> dict[str, float]:
    """The share of useful remarks before and after the lowest tenth is dropped."""
    low = np.asarray(scores) < np.quantile(scores, DROPPED)
    return {
        "remarks": len(useful),
        "ROC-AUC": round(float(roc_auc_score(useful, scores)), 2),
        "useful": round(float(useful.mean()), 3),
        "useful without the lowest tenth": round(float(useful[~low].mean()), 3),
        "useful in the lowest tenth": round(float(useful[low].mean()), 3),
    }


if __name__ == "__main__":
    measure()
