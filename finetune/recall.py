"""Index of accepted remarks: which past remarks fit a new window, and where in it.

In go the accepted remarks of the training part; `index.jsonl` in the adapter's folder holds them,
without their authors unless a setting asks for those. Out come past remarks ranked by BM25 over the
code they were made on. With a time given, only what was decided strictly before it counts, in the
document frequencies and lengths as well: a general BM25 library fixes those over all entries when
it indexes, so the few lines are our own (tests compare them with bm25s). No model, no network.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import log, sqrt
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from finetune.feature_names import TOLD
from finetune.gate import PRIOR_FILE, Gate, read_gate
from finetune.lexicon import LEXICON_FILE, Lexicon, read_lexicon
from finetune.remarked_rows import RemarkedRows
from finetune.tokens import code_tokens
from postil.answer import WORDLESS, Anchor, parse_answer, row_letter
from postil.prompt import Precedent
from postil.records import (
    DiffLine,
    Pair,
    Record,
    Resemblance,
    Window,
    read_jsonl,
    write_jsonl,
)

INDEX_FILE = "index.jsonl"
LEAST_SIMILAR = 0.25
"""Past remarks on code less alike than this are neither quoted nor shown as provenance."""
SHOWN = 3
"""Past remarks looked at for one window, and shown in a question that shows some."""
K1, B = 1.5, 0.75
"""Saturation and length weight, as in Lucene and bm25s."""
ChangedRow = tuple[int, NDArray[np.float64]]
"""A row of a window, and how like it is to the rows of each known entry's remark."""
CANDIDATES = 4
"""How many times `k` entries are taken by raw score before lengths are evened out."""


class IndexEntry(Record, frozen=True, kw_only=True):
    """An accepted remark and the window it was made on."""

    message: str
    suggestion: str | None = None
    url: str
    pull: int
    decided_at: datetime | None
    path: str
    language: str
    text: str
    """The rows of the window, each with its mark `+`, `-` or blank."""
    start: int
    end: int
    """Rows of `text` the remark stood on, 1-based, both included."""
    author: str = ""
    """Left out unless `review.name_reviewers` asks for it."""
    repo: str = ""
    """Of a pooled adapter alone: where the remark was made, the only place it is shown at."""

    def rows(self) -> list[str]:
        """The rows the remark stood on, without their marks."""
        return _unmarked(self.text)[self.start - 1 : self.end]

    def window(self) -> Window:
        """The window again, but for its line numbers."""
        lines = (DiffLine(kind=row[0], text=row[1:]) for row in self.text.split("\n"))  # type: ignore[arg-type]
        return Window(path=self.path, language=self.language, lines=tuple(lines))


class Match(Record, frozen=True, kw_only=True):
    """A past remark that fits a window; similarities from 0 to 1."""

    entry: IndexEntry
    similarity: float
    row: int
    """The row of the new window most like the rows remarked on."""
    row_similarity: float
    strange: bool = False
    """Its remark names code of where it was made that does not stand here."""

    def anchor(self, window: Window) -> Anchor:
        """The row as an anchor of the new window."""
        side = row_letter(window.lines[self.row - 1].kind)
        return Anchor(side=side, start=self.row, end=self.row)

    def precedent(self) -> Precedent:
        """What a question shows of this match: its first row and its message."""
        return Precedent(code=self.entry.rows()[0], message=self.entry.message)

    @property
    def likeness(self) -> float:
        """By its rows or by all of its code, whichever is more alike."""
        return max(self.similarity, self.row_similarity)

    def resemblance(self) -> Resemblance:
        """What a comment tells of this match."""
        entry = self.entry
        return Resemblance(
            url=entry.url,
            when=entry.decided_at,
            similarity=self.likeness,
            pull=entry.pull,
            author=entry.author,
        )


def window_text(window: Window) -> str:
    """The rows of a window with their marks."""
    return "\n".join(line.kind + line.text for line in window.lines)


def index_entries(
    pairs: Iterable[Pair], *, named: bool = False, pooled: bool = False
) -> list[IndexEntry]:
    """The accepted remarks of the training part, on the code they were made on.

    Also those whose commit is gone: the stored hunk tells what they stood on. Not those that were
    a suggestion and no words: elsewhere they say nothing. `named`: with their authors; `pooled`:
    with their repositories.
    """
    found = []
    for pair in pairs:
        if pair.split != "train" or pair.kind != "remark" or not pair.window:
            continue
        remark = parse_answer(pair.response)
        if remark is None or remark.anchor.end > len(pair.window.lines):
            continue
        if remark.message in WORDLESS:
            continue
        entry = IndexEntry(
            message=remark.message,
            suggestion=remark.suggestion,
            url=pair.url,
            pull=pair.pull,
            decided_at=pair.decided_at,
            path=pair.window.path,
            language=pair.window.language,
            text=window_text(pair.window),
            start=remark.anchor.start,
            end=remark.anchor.end,
            author=pair.author if named else "",
            repo=pair.repo if pooled else "",
        )
        found.append(entry)
    return found


def write_index(path: Path, entries: Iterable[IndexEntry]) -> int:
    """Write `index.jsonl`; how many entries."""
    return write_jsonl(path, entries)


class Recall:
    """Answers which accepted remarks fit a window, as known at a time.

    `lexicon`: what the words of earlier changes tell, `prior`: how earlier windows weigh what is
    told of one; where there was enough to learn them from.
    """

    def __init__(
        self,
        entries: Sequence[IndexEntry],
        lexicon: Lexicon | None = None,
        prior: Gate | None = None,
    ) -> None:
        self.lexicon, self.prior = lexicon, prior
        dated = [(e.decided_at, e) for e in entries if e.decided_at is not None]
        dated.sort(key=lambda one: one[0])
        self._times = [time for time, _ in dated]
        self.entries = [e for _, e in dated] + [e for e in entries if e.decided_at is None]
        self._bags = [Counter(_content(e.path, e.text)) for e in self.entries]
        self._lengths = np.array([bag.total() for bag in self._bags], dtype=np.float64)
        self._postings = _postings(self._bags)
        self._rows = RemarkedRows(["\n".join(entry.rows()) for entry in self.entries])
        self._paths, self._folders = (
            defaultdict[str, list[int]](list),
            defaultdict[str, list[int]](list),
        )
        # What depends on how many are known is kept while questions come of the same time.
        self._kept_of, self._idfs, self._owns = 0, dict[str, float](), dict[int, float]()
        self._changed_of: tuple[Window, int, list[ChangedRow]] | None = None
        for number, entry in enumerate(self.entries):
            self._paths[entry.path].append(number)
            self._folders[_folder(entry.path)].append(number)

    @classmethod
    def read(cls, path: Path) -> "Recall":
        """Load `index.jsonl`, with lexicon and prior where those stand beside it, verified.

        Raises ConfigError naming the line that is no entry, AdapterError for a damaged file.
        """
        words, weighed = path.with_name(LEXICON_FILE), path.with_name(PRIOR_FILE)
        lexicon = read_lexicon(words) if words.exists() else None
        prior = read_gate(weighed, TOLD) if weighed.exists() else None
        return cls(list(read_jsonl(path, IndexEntry)), lexicon, prior)

    def similar(self, window: Window, before: datetime | None, k: int = 3) -> list[Match]:
        """The best `k` entries decided before that time, most similar first."""
        known = self._known(before)
        query = Counter(_content(window.path, window_text(window)))
        if not known or not query:
            return []
        scores = self._scores(query, known)
        best = np.argsort(-scores, kind="stable")[: k * CANDIDATES]
        average = float(self._lengths[:known].mean())
        own = self._self_score(query, known, average)
        changed = self.changed_rows(window, before)
        matches = []
        for number in (int(n) for n in best if scores[n] > 0):
            norm = sqrt(own * self._own_score(number, known, average))
            row, alike = _likest(changed, number)
            matches.append(
                Match(
                    entry=self.entries[number],
                    similarity=min(1.0, float(scores[number]) / norm),
                    row=row,
                    row_similarity=alike,
                )
            )
        return sorted(matches, key=lambda match: -match.similarity)[:k]

    def history(self, path: str, before: datetime | None) -> tuple[int, int]:
        """How many remarks this path, and its folder, had drawn before that time."""
        known = self._known(before)
        on_path = bisect_left(self._paths.get(path, []), known)
        return on_path, bisect_left(self._folders.get(_folder(path), []), known)

    def words(self, window: Window, newcomer: bool | None) -> float:
        """Log-odds of a remark by the words of the change; 0 where they were not learned."""
        return self.lexicon.log_odds(window, newcomer) if self.lexicon else 0.0

    def row_likeness(self, text: str, before: datetime | None) -> NDArray[np.float64]:
        """How like a piece of code is to the rows of each known entry's remark, 0 to 1."""
        known = self._known(before)
        return self._rows.likeness(text, known, lambda token: self._idf(token, known))

    def changed_rows(self, window: Window, before: datetime | None) -> Sequence[ChangedRow]:
        """The changed rows of a window, 1-based, each with its `row_likeness`."""
        known = self._known(before)
        held = self._changed_of
        if held is None or held[0] is not window or held[1] != known:
            rows = [
                (row, self.row_likeness(line.text, before))
                for row, line in enumerate(window.lines, 1)
                if line.kind != " "
            ]
            held = self._changed_of = (window, known, rows)
        return held[2]

    def most_similar_row(self, window: Window, number: int) -> tuple[int, float]:
        """The changed row most like the rows an entry's remark stood on, and how like, 0 to 1."""
        return _likest(self.changed_rows(window, None), number)

    def _known(self, before: datetime | None) -> int:
        """How many of the entries, which are in time order, may be looked at."""
        return len(self.entries) if before is None else bisect_left(self._times, before)

    def _idf(self, token: str, known: int) -> float:
        if known != self._kept_of:
            self._kept_of, self._idfs, self._owns = known, {}, {}
        if token not in self._idfs:
            posting = self._postings.get(token)
            frequency = int(np.searchsorted(posting[0], known)) if posting else 0
            self._idfs[token] = log(1 + (known - frequency + 0.5) / (frequency + 0.5))
        return self._idfs[token]

    def _scores(self, query: Iterable[str], known: int) -> NDArray[np.float64]:
        """BM25 (Lucene's) of every known entry; each token of the query counts once."""
        lengths = self._lengths[:known]
        room = K1 * (1 - B + B * lengths / lengths.mean())
        scores = np.zeros(known)
        for token in query:
            if token in self._postings:
                numbers, counts = self._postings[token]
                end = int(np.searchsorted(numbers, known))
                numbers, counts = numbers[:end], counts[:end]
                scores[numbers] += self._idf(token, known) * counts / (counts + room[numbers])
        return scores

    def _own_score(self, number: int, known: int, average: float) -> float:
        """The self score of an entry."""
        if known != self._kept_of or number not in self._owns:
            score = self._self_score(self._bags[number], known, average)
            self._owns[number] = score
        return self._owns[number]

    def _self_score(self, bag: Counter[str], known: int, average: float) -> float:
        """What a window would score against itself; tokens never seen count most."""
        room = K1 * (1 - B + B * bag.total() / average)
        return sum(self._idf(token, known) * n / (n + room) for token, n in bag.items())


def _likest(rows: Sequence[ChangedRow], number: int) -> tuple[int, float]:
    """The row most like that of an entry, the first of equals; row 1 where none was changed."""
    best = max(rows, key=lambda one: one[1][number], default=None)
    return (best[0], float(best[1][number])) if best else (1, 0.0)


def _content(path: str, text: str) -> list[str]:
    """What an entry is found by: the file's name and its rows."""
    return code_tokens("\n".join((PurePosixPath(path).name, *_unmarked(text))))


def _unmarked(text: str) -> list[str]:
    return [row[1:] for row in text.split("\n")]


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _postings(
    bags: Sequence[Counter[str]],
) -> dict[str, tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """For each token the entries that hold it, in time order, and how often."""
    numbers, counts = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for number, bag in enumerate(bags):
        for token, count in bag.items():
            numbers[token].append(number)
            counts[token].append(count)
    return {
        token: (np.array(numbers[token], dtype=np.intp), np.array(counts[token], dtype=np.float64))
        for token in numbers
    }
