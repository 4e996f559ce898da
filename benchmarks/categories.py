"""Fit the weights of `finetune.categories` and print how often it is right.

    python -m benchmarks.categories FOLDER [--write]

FOLDER holds review comments as gzipped JSON lines (id, comment, labels). Two sets of labels: the
hand labels of OpenStack Nova by others (ESEM 2023), whose kinds are folded into ours, and 160
remarks of four repositories (seed 11) labelled by one reader, in labels/categories.jsonl. Right
means cross-validated in ten folds, whole changes at a time; one label a remark, though many could
have two.
"""

import gzip
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from finetune.categories import CATEGORIES, WEIGHTS_FILE, Weights, cue_names, cues_of

LABELS = Path(__file__).parent / "labels/categories.jsonl"
FILES = ("git-repo", "nova", "pocket", "secp256k1")
NOVA = {
    "documentation": "documentation",
    "alternate output": "documentation",
    "question": "question",
    "naming convention": "naming",
    "visual representation": "style",
    "praise": "other",
    "false positive": "other",
}
"""Its kinds that are not about the code itself."""
STRENGTH = 0.3
FOLDS = 10


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--write", is_flag=True, help="Put the weights into the package.")
def fit(folder: Path, write: bool) -> None:
    """Cross-validate, then fit on everything."""
    ours = {one["id"]: one["category"] for one in map(json.loads, LABELS.open(encoding="utf-8"))}
    rows = [row for name in FILES for row in read_rows(folder / f"{name}.jsonl.gz")]
    kept = [row for row in rows if row["id"] in ours or row.get("labels")]
    labels = np.array([ours.get(row["id"]) or folded(row["labels"]["category"]) for row in kept])
    cues = np.array([cues_of(row["comment"]) for row in kept], dtype=np.float64)
    groups = [f"{row['repo']}#{row['pr']}" for row in kept]
    told = cross_validate(cues, labels, groups)
    by_us = np.array([row["id"] in ours for row in kept])
    table: dict[str, Any] = {
        name: {
            "remarks": int(among.sum()),
            "right": round(float((told == labels)[among].mean()), 3),
            "most frequent": round(max(Counter(labels[among]).values()) / int(among.sum()), 3),
            "recall": {
                kind: round(float((told == kind)[among & (labels == kind)].mean()), 2)
                for kind in CATEGORIES
            },
        }
        for name, among in (("labelled here", by_us), ("labelled by others", ~by_us))
    }
    click.echo(json.dumps({"date": f"{datetime.now(UTC):%Y-%m-%d}", **table}, indent=1))
    if write:
        WEIGHTS_FILE.write_bytes(encode_weights(learn(cues, labels)))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The records of one file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def folded(kind: str) -> str:
    """One of our categories for one of Nova's kinds."""
    return NOVA.get(kind.lower(), "code")


def learn(cues: Any, labels: Any) -> LogisticRegression:
    """One regression over all categories."""
    return LogisticRegression(C=STRENGTH, max_iter=3000).fit(cues, labels)


def cross_validate(cues: Any, labels: Any, groups: list[str]) -> Any:
    """What each remark is called by weights that saw nothing of its change."""
    told = np.empty(len(labels), dtype=object)
    folds = GroupKFold(FOLDS, shuffle=True, random_state=3)
    for rest, apart in folds.split(cues, labels, groups):
        told[apart] = learn(cues[rest], labels[rest]).predict(cues[apart])
    return told


def encode_weights(model: LogisticRegression) -> bytes:
    """The weights as JSON, three digits."""
    kinds = list(enumerate(model.classes_))
    made = Weights(
        cues=cue_names(),
        intercepts={kind: round(float(model.intercept_[at]), 3) for at, kind in kinds},
        weights={kind: tuple(round(float(w), 3) for w in model.coef_[at]) for at, kind in kinds},
    )
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


if __name__ == "__main__":
    fit()
