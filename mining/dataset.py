"""Pairs -> a dataset folder: pairs.jsonl, one Parquet file a part through `datasets`, and a card.

The same store and settings give the same bytes.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from mining.built import Built
from mining.card import render_card
from mining.curation import Decision, apply_decisions
from mining.examples import build_examples
from mining.licence import find_licence
from mining.overview import OVERVIEW, draw_overview
from mining.pairs import to_pairs
from mining.repository import Repository
from mining.split import SPLITS
from mining.tallies import TALLIES, tallies_of, write_tallies
from postil.errors import SourceError
from postil.records import Change, Pair, encode_line, write_jsonl
from postil.settings import MiningSettings

COLUMNS = ("id", "instruction", "response", "kind", "tier", "repo", "pull", "url", "licence")


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
    licence = find_licence(repository, settings.licence, changes)
    pairs, dropped = to_pairs(examples, msgspec.structs.replace(settings, licence=licence.id))
    dropped += curated
    folder.mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "pairs.jsonl", pairs)
    built = Built(
        pairs=tuple(pairs),
        funnel=funnel,
        dropped=dropped,
        licence=licence,
        sha256=digest_pairs(pairs),
    )
    (folder / "README.md").write_text(render_card(built), encoding="utf-8")
    draw_overview(built, folder / OVERVIEW)
    write_tallies(folder / TALLIES, tallies_of(built))
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
