"""The curation queue as pages: one remark of the training part at a time, and what is decided."""

from pathlib import Path

from finetune.pages.hunks import Row, Voice, rows_of_window
from mining.curation import Decision
from mining.store import Store
from postil.answer import parse_answer
from postil.errors import PayloadError
from postil.records import Pair, Record, read_jsonl

PAIRS = "pairs.jsonl"


class Waiting(Record, frozen=True, kw_only=True):
    """The next remark to decide about. `left` counts it and those behind it."""

    origin: str
    path: str
    tier: str
    url: str
    message: str
    rows: tuple[Row, ...]
    left: int
    decided: int


def list_datasets(home: Path) -> list[str]:
    """Every repository with a built dataset."""
    found = (home / "datasets").glob(f"*/*/{PAIRS}")
    return sorted(f"{p.parents[1].name}/{p.parent.name}" for p in found)


def next_waiting(home: Path, store: Store, repo: str, after: str = "") -> Waiting | None:
    """The first remark nobody decided about, behind `after` where it is given."""
    known = store.decisions(repo)
    pairs = _remarks(home, repo)
    left = [pair for pair in pairs if pair.origin not in known]
    origins = [pair.origin for pair in left]
    at = origins.index(after) + 1 if after in origins else 0
    if at >= len(left):
        return None
    return _show(left[at], len(left) - at, len(pairs) - len(left))


def decide(home: Path, store: Store, repo: str, origin: str, verdict: str, text: str) -> None:
    """Keep what was decided; PayloadError for what is no decision or no remark of ours."""
    if origin not in {pair.origin for pair in _remarks(home, repo)}:
        raise PayloadError("no remark of this dataset has that origin")
    if verdict == "keep":
        decision = Decision(origin=origin, verdict="keep")
    elif verdict == "drop":
        decision = Decision(origin=origin, verdict="drop")
    elif verdict == "edit":
        decision = Decision(origin=origin, verdict="edit", text=text.strip())
    else:
        raise PayloadError("keep, drop or edit: one of them")
    store.decide(repo, decision)


def undo(store: Store, repo: str, origin: str) -> None:
    """Forget a decision."""
    store.undecide(repo, origin)


def _remarks(home: Path, repo: str) -> list[Pair]:
    pairs = read_jsonl(home / "datasets" / repo / PAIRS, Pair)
    return [p for p in pairs if p.kind == "remark" and p.split == "train" and p.window]


def _show(pair: Pair, left: int, decided: int) -> Waiting:
    remark = parse_answer(pair.response)
    assert remark is not None and pair.window is not None  # noqa: S101 - a remark has both
    voice = Voice(
        role="person", name="a reviewer", text=remark.message, anchor=None, note=f"tier {pair.tier}"
    )
    rows = rows_of_window(pair.window, [])
    marked = [
        Row(number=row.number, kind=row.kind, text=row.text, said=(voice,) if last else ())
        for place, row in enumerate(rows, 1)
        for last in (place == min(remark.anchor.end, len(rows)),)
    ]
    return Waiting(
        origin=pair.origin,
        path=pair.window.path,
        tier=pair.tier or "",
        url=pair.url,
        message=remark.message,
        rows=tuple(marked),
        left=left,
        decided=decided,
    )
