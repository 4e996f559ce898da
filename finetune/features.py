"""A window -> the named numbers the gate decides on. Pure.

They come from the window's own text, from accepted remarks older than it, and from the model's
log-odds of speaking. Nothing here knows where a comment stood: no remark, anchor or thread of
the window's own pull request enters.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import log1p
from pathlib import PurePosixPath
from statistics import fmean

import msgspec

from finetune.feature_names import PRIOR, ROWS, SPEAK, WORDS
from finetune.fitting import row_likeness
from finetune.recall import Recall
from postil.errors import PayloadError
from postil.records import ExampleKind, Pair, Record, Window

PROSE = frozenset({"markdown", "text"})
DATA = frozenset({"json", "toml", "yaml"})
TEST_FOLDERS = frozenset({"test", "tests", "testing", "__tests__", "spec"})


class Labelled(Record, frozen=True, kw_only=True):
    """One window as the gate learns and is measured on it."""

    pair: str
    kind: ExampleKind
    features: dict[str, float]
    group: str
    """The pull request; its windows stay together."""
    weight: float = 1.0
    """How many windows like it this one stands for, where silences were thinned out."""

    @property
    def remarked(self) -> bool:
        """Whether an accepted remark was made on it."""
        return self.kind == "remark"


def cheap_features(
    window: Window,
    recall: Recall,
    before: datetime | None,
    newcomer: bool | None = None,
) -> dict[str, float]:
    """What can be told without a model, as known at that time.

    `newcomer`: whether it is its author's first change; None (not known) counts as no.
    """
    matches, history = recall.similar(window, before), recall.history(window.path, before)
    added = [line for line in window.lines if line.kind == "+"]
    removed = [line for line in window.lines if line.kind == "-"]
    kept = len(window.lines) - len(added) - len(removed)
    characters = sum(len(line.text.strip()) for line in (*added, *removed))
    similar = [match.similarity for match in matches]
    values = {
        "added_rows": log1p(len(added)),
        "removed_rows": log1p(len(removed)),
        "kept_rows": log1p(kept),
        "changed_characters": log1p(characters),
        "test_path": float(is_test_path(window.path)),
        "only_added": float(len(added) == len(window.lines)),
        "prose": float(window.language in PROSE),
        "data": float(window.language in DATA),
        "best_similarity": max(similar, default=0.0),
        "mean_similarity": fmean(similar) if similar else 0.0,
        "row_similarity": max((match.row_similarity for match in matches), default=0.0),
        ROWS: row_likeness(recall, window, before),
        "path_history": log1p(history[0]),
        "folder_history": log1p(history[1]),
        "first_change": float(bool(newcomer)),
        WORDS: recall.words(window, newcomer),
    }
    values[PRIOR] = recall.prior.log_odds(values) if recall.prior else 0.0
    return values


def window_features(
    window: Window,
    recall: Recall,
    before: datetime | None,
    speak: float,
    newcomer: bool | None = None,
) -> dict[str, float]:
    """All of `FEATURES`, as known at that time (None: everything in the index is past)."""
    return {**cheap_features(window, recall, before, newcomer), SPEAK: speak}


def is_test_path(path: str) -> bool:
    """Whether a file is one of the project's tests, by its folders and name."""
    *folders, name = PurePosixPath(path.lower()).parts or ("",)
    stem = name.split(".")[0]
    return (
        any(folder in TEST_FOLDERS for folder in folders)
        or stem.startswith("test_")
        or stem.endswith(("_test", "_tests", "_spec", "-test"))
        or ".test." in name
        or ".spec." in name
    )


def label_window(pair: Pair, recall: Recall, weight: float = 1.0) -> Labelled:
    """The cheap features of a pair's window, as known when its pull request was decided."""
    if pair.window is None:
        raise PayloadError(f"pair {pair.id}: no window, so it has no features")
    features = cheap_features(pair.window, recall, pair.decided_at, pair.newcomer)
    return Labelled(
        pair=pair.id, kind=pair.kind, features=features, group=pull_of(pair), weight=weight
    )


def with_speak(rows: Iterable[Labelled], speaks: Mapping[str, float]) -> list[Labelled]:
    """The same rows with a model's log-odds, given by pair id, beside the cheap features."""
    return [
        msgspec.structs.replace(row, features={**row.features, SPEAK: speaks[row.pair]})
        for row in rows
    ]


def pull_of(pair: Pair) -> str:
    """The pull request of a pair, as a name to group by."""
    return f"{pair.repo}#{pair.pull}"
