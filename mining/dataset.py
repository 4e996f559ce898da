"""Pairs -> a dataset folder: pairs.jsonl, one Parquet file a part through `datasets`, and a card.

The same store and settings give the same bytes. The card tells where the pairs come from, how
they were labelled, and what was dropped at each step.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from mining.capping import shares
from mining.curation import Decision, apply_decisions
from mining.examples import Funnel, build_examples
from mining.pairs import to_pairs
from mining.repository import Repository
from mining.split import SPLITS
from postil.errors import SourceError
from postil.prompt import TEMPLATE
from postil.records import Change, Pair, encode_line, write_jsonl
from postil.settings import MiningSettings

SHOWN_REVIEWERS = 12

COLUMNS = ("id", "instruction", "response", "kind", "tier", "repo", "pull", "url", "licence")


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset as it was written."""

    pairs: tuple[Pair, ...]
    funnel: Funnel
    dropped: Counter[str]
    sha256: str


def build_dataset(
    changes: Sequence[Change],
    repository: Repository | None,
    settings: MiningSettings,
    folder: Path,
    progress: Callable[[], None] = lambda: None,
    decisions: Mapping[str, Decision] | None = None,
) -> Built:
    """Label, split and write; raise SourceError where nothing can be learned."""
    examples, funnel = build_examples(changes, repository, settings, progress)
    examples, curated = apply_decisions(examples, decisions or {})
    if not any(example.kind == "remark" for example in examples):
        reasons = ", ".join(f"{count} {reason}" for reason, count in funnel.remarks.most_common(5))
        raise SourceError(f"no accepted remark found in {len(changes)} changes ({reasons})")
    pairs, dropped = to_pairs(examples, settings)
    dropped += curated
    folder.mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "pairs.jsonl", pairs)
    built = Built(pairs=tuple(pairs), funnel=funnel, dropped=dropped, sha256=digest_pairs(pairs))
    (folder / "README.md").write_text(render_card(built), encoding="utf-8")
    return built


def digest_pairs(pairs: Sequence[Pair]) -> str:
    """sha256 over the pairs in their order."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(encode_line(pair) + b"\n")
    return digest.hexdigest()


def write_parquet(pairs: Sequence[Pair], folder: Path) -> None:
    """One Parquet file a part, as `datasets.load_dataset(folder)` expects them."""
    from datasets import Dataset, disable_progress_bars  # slow to import, and only wanted here

    disable_progress_bars()
    for part in SPLITS:
        rows = [pair for pair in pairs if pair.split == part]
        if not rows:
            continue
        table = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
        table["decided_at"] = [row.decided_at for row in rows]
        table["window"] = [msgspec.json.encode(row.window).decode() for row in rows]
        Dataset.from_dict(table).to_parquet(folder / f"{part}.parquet")


def render_card(built: Built) -> str:
    """The dataset card: front matter that `datasets` reads, then counts and tallies."""
    parts = {part: [p for p in built.pairs if p.split == part] for part in SPLITS}
    files = "\n".join(
        f"      - split: {part}\n        path: {part}.parquet" for part in SPLITS if parts[part]
    )
    repos = ", ".join(sorted({pair.repo for pair in built.pairs}))
    licences = ", ".join(sorted({pair.licence for pair in built.pairs} - {""})) or "not stated"
    kinds = ("remark", "silence", "ambiguous")
    rows = [
        (part, *(sum(p.kind == kind for p in parts[part]) for kind in kinds), _span(parts[part]))
        for part in SPLITS
    ]
    return f"""---
configs:
  - config_name: default
    data_files:
{files}
---
# Review remarks of {repos}

Instruction/response pairs mined by Postil. Instruction: one window of a change. Response: an
accepted review remark on it, or `NO_COMMENT` where a trusted reviewer looked and said nothing.

- template `{TEMPLATE}`, sha256 of the pairs `{built.sha256}`
- licence of the mined code: {licences}; each row holds the address it comes from
- parts are split by pull request in time; calibration and test hold every window

{_table(("part", "remarks", "silences", "ambiguous", "closed"), rows)}

## Remarks: what was kept and what was dropped
{_tally(built.funnel.remarks)}

## Whose remarks teach, by the rule that lets them in
{_tally(built.funnel.teachers)}

## Who wrote the remarks that are trained on
{_reviewers(parts["train"])}

## Windows without a kept remark
{_tally(built.funnel.windows)}

## Left out when the parts were made
{_tally(built.dropped)}
"""


def tally_lines(built: Built) -> list[str]:
    """The parts and what was kept and dropped, for a person at a terminal."""
    lines = []
    for part in SPLITS:
        here = [pair for pair in built.pairs if pair.split == part]
        kinds = Counter(pair.kind for pair in here)
        lines.append(
            f"{part:12} {kinds['remark']:6} remarks {kinds['silence']:6} silences"
            f" {kinds['ambiguous']:6} ambiguous   {_span(here)}"
        )
    for title, counts in (
        ("remarks", built.funnel.remarks),
        ("windows", built.funnel.windows),
        ("parts", built.dropped),
    ):
        lines += [f"{title}:", *(f"  {n:6} {why}" for why, n in counts.most_common() if n)]
    return lines


def _reviewers(pairs: Sequence[Pair]) -> str:
    """Shares of the busiest; accounts as the source names them."""
    found = shares([pair.author for pair in pairs if pair.kind == "remark"])
    rows = [(author, count, f"{share:.0%}") for author, count, share in found[:SHOWN_REVIEWERS]]
    return _table(("reviewer", "remarks", "share"), rows) if rows else "\nnone"


def _span(pairs: Sequence[Pair]) -> str:
    times = sorted(pair.decided_at.date() for pair in pairs if pair.decided_at)
    return f"{times[0]} to {times[-1]}" if times else ""


def _tally(counts: Counter[str]) -> str:
    rows = sorted(((count, reason) for reason, count in counts.items() if count), reverse=True)
    return _table(("count", "reason"), rows) if rows else "\nnone"


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n" + "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines)
