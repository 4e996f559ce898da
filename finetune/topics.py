"""Recurring topics: accepted remarks that say much the same, and where their next one is due.

A topic is found by its words and fires by code: on a window with a row like those its remarks stood
on. Each has a threshold of its own, or none, and then never fires. `topics.json` holds numbers of
entries of `index.jsonl`, which is beside it in the adapter's folder. Firing needs neither
scikit-learn nor torch.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from finetune.files import read_part
from finetune.recall import LEAST_SIMILAR, IndexEntry, Recall
from postil.errors import AdapterError
from postil.records import Pair, Record, Window
from postil.settings import Settings

TOPICS_FILE = "topics.json"
MOST_REMARKS, MOST_SILENCES = 3000, 1000
"""The newest remarks that are grouped, as every pair of them is compared; silences that stand for
all of the calibration part."""
LEAST_REMARKS, LEAST_PULLS = 5, 3
"""Fewer are no habit."""
APART = 0.8
"""Mean cosine distance of words up to which groups are joined."""
WORDS = r"[a-zA-Z_]+|\d+|[^\w\s]"
UNSEEN = 1
"""False alarms expected beyond those seen: none seen is not none to come."""
LEAST_HITS = 3
"""Remarks of a topic that its threshold must find again, each without its own pull request."""


class Topic(Record, frozen=True, kw_only=True):
    """Remarks that say much the same."""

    message: str
    """The one most like the others."""
    entries: tuple[int, ...]
    """Numbers of the remarks in the index, which is in time order."""
    pulls: int
    threshold: float | None = None
    """Likeness of a row from which it fires; None: never."""
    precision: float | None = None
    """Expected share of right firings at the threshold."""
    found_again: int = 0
    """Of its own remarks, at the threshold, by those of other pull requests."""


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """A topic on a window, by the remark whose row is most like one of its rows."""

    topic: Topic
    entry: IndexEntry
    row: int
    likeness: float


def find_topics(entries: Sequence[IndexEntry]) -> list[Topic]:
    """Group remarks by their words (TF-IDF of one and two, average linkage); largest first."""
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.feature_extraction.text import TfidfVectorizer

    first = max(0, len(entries) - MOST_REMARKS)
    newest = entries[first:]
    if len(newest) < LEAST_REMARKS:
        return []
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, token_pattern=WORDS)
    try:
        table = words.fit_transform([entry.message for entry in newest]).toarray()
    except ValueError:  # no word comes twice
        return []
    held = [number for number, row in enumerate(table) if row.any()]
    if len(held) < LEAST_REMARKS:
        return []
    joined = AgglomerativeClustering(
        n_clusters=None, distance_threshold=APART, metric="cosine", linkage="average"
    ).fit_predict(table[held])
    groups = defaultdict[int, list[int]](list)
    for number, group in zip(held, joined.tolist(), strict=True):
        groups[group].append(number)
    found = []
    for numbers in groups.values():
        pulls = len({newest[number].pull for number in numbers})
        if len(numbers) < LEAST_REMARKS or pulls < LEAST_PULLS:
            continue
        likest = (table[numbers] @ table[numbers].T).sum(axis=1).argmax()
        message = newest[numbers[int(likest)]].message
        places = tuple(first + number for number in numbers)
        found.append(Topic(message=message, entries=places, pulls=pulls))
    return sorted(found, key=lambda topic: (-len(topic.entries), topic.entries))


def fit_topics(
    topics: Sequence[Topic], recall: Recall, calibration: Iterable[Pair], wanted: float
) -> list[Topic]:
    """Give each topic the lowest threshold that is right often enough, where there is one.

    How many of its remarks a threshold finds is counted on the topic's own remarks, each without
    its pull request; how often it is wrong on the silences of the calibration part, which holds as
    many remarks of the topic as its share of all would have it.
    """
    held = [pair for pair in calibration if pair.window and pair.located]
    silent = sorted((p for p in held if p.kind == "silence"), key=lambda pair: pair.id)
    every = max(1, -(-len(silent) // MOST_SILENCES))
    windows = [pair.window for pair in silent[::every] if pair.window]
    remarks = sum(pair.kind == "remark" for pair in held) * len(windows) / max(1, len(silent))
    return [_fit(topic, recall, windows, remarks, wanted) for topic in topics]


def _fit(
    topic: Topic, recall: Recall, silences: Sequence[Window], remarks: float, wanted: float
) -> Topic:
    own = []
    for number in topic.entries:
        entry = recall.entries[number]
        others = [n for n in topic.entries if recall.entries[n].pull != entry.pull]
        own.append(max((_likeness(recall, entry.window(), n)[1] for n in others), default=0.0))
    wrong = [fired.likeness for w in silences if (fired := _best(topic, recall, w, None))]
    due = remarks * len(topic.entries) / max(1, len(recall.entries))
    for threshold in sorted({value for value in own if value >= LEAST_SIMILAR}):
        found = sum(value >= threshold for value in own)
        right = due * found / len(own)
        spoken = right + sum(value >= threshold for value in wrong) + UNSEEN
        if found >= LEAST_HITS and right / spoken >= wanted:
            return msgspec.structs.replace(
                topic, threshold=threshold, precision=right / spoken, found_again=found
            )
    return topic


def recurring(pairs: Sequence[Pair], recall: Recall, settings: Settings) -> list[Topic]:
    """The topics of what is remembered, each with its threshold for the wanted precision."""
    calibration = [pair for pair in pairs if pair.split == "calibration"]
    found = find_topics(recall.entries)
    return fit_topics(found, recall, calibration, settings.review.min_precision)


def fire(
    topics: Sequence[Topic], recall: Recall, window: Window, before: datetime | None
) -> Fired | None:
    """The topic that is most surely due on a window; None where none is over its threshold."""
    found = [
        fired
        for topic in topics
        if topic.threshold is not None
        and (fired := _best(topic, recall, window, before))
        and fired.likeness >= topic.threshold
    ]
    return max(found, key=lambda fired: fired.topic.precision or 0.0, default=None)


def _best(topic: Topic, recall: Recall, window: Window, before: datetime | None) -> Fired | None:
    """The remark of a topic, decided before that time, whose row is most like one of these."""
    best: Fired | None = None
    for number in topic.entries:
        entry = recall.entries[number]
        if before is not None and (entry.decided_at is None or entry.decided_at >= before):
            continue
        row, likeness = _likeness(recall, window, number)
        if best is None or likeness > best.likeness:
            best = Fired(topic=topic, entry=entry, row=row, likeness=likeness)
    return best


def _likeness(recall: Recall, window: Window, number: int) -> tuple[int, float]:
    return recall.most_similar_row(window, number)


def write_topics(path: Path, topics: Sequence[Topic]) -> None:
    """Write `topics.json`."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(list(topics))) + b"\n")


def least_precision(topics: Sequence[Topic]) -> float | None:
    """The lowest expected precision of the topics that fire; None where none does."""
    sure = [topic.precision for topic in topics if topic.precision is not None]
    return min(sure, default=None)


def read_topics(path: Path, recall: Recall) -> list[Topic]:
    """Load `topics.json`; raise AdapterError where it does not fit the index beside it."""
    found, known = decode_topics(path), range(len(recall.entries))
    if any(number not in known for topic in found for number in topic.entries):
        raise AdapterError(f"{path}: names remarks that the index does not hold")
    return found


def decode_topics(path: Path) -> list[Topic]:
    """The topics of a file, whatever index they belong to; AdapterError where it holds none."""
    return read_part(path, list[Topic], "topics")
