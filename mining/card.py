"""The card of a dataset: where its pairs come from, how labelled, what was dropped. Pure."""

from collections import Counter
from collections.abc import Sequence

from mining.built import Built
from mining.capping import shares
from mining.overview import OVERVIEW, count_by, language_of, year_of
from mining.split import SPLITS
from postil.prompt import TEMPLATE
from postil.records import Pair

SHOWN_REVIEWERS = 12


def render_card(built: Built) -> str:
    """The dataset card: front matter that `datasets` reads, then counts and tallies."""
    parts = {part: [p for p in built.pairs if p.split == part] for part in SPLITS}
    files = "\n".join(
        f"      - split: {part}\n        path: {part}.parquet" for part in SPLITS if parts[part]
    )
    repos = ", ".join(sorted({pair.repo for pair in built.pairs}))
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
- licence of the mined code: {built.licence.id} (says {built.licence.found})
- each row holds the address it comes from
- parts are split by pull request in time; calibration and test hold every window

![What was kept, what was dropped, and when it was said]({OVERVIEW})

{_table(("part", "remarks", "silences", "ambiguous", "closed"), rows)}

## The remarks by language, tier and year
{_groups(built.pairs)}

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


def _groups(pairs: Sequence[Pair]) -> str:
    """How many remarks there are of each kind, in all parts together."""
    remarks = [pair for pair in pairs if pair.kind == "remark"]
    rows = [
        (name, ", ".join(f"{key} {count}" for key, count in counts))
        for name, counts in (
            ("language", count_by(remarks, language_of)),
            ("tier", sorted(count_by(remarks, lambda pair: pair.tier or "none"))),
            ("year closed", sorted(count_by(remarks, year_of))),
        )
    ]
    return _table(("by", "remarks"), rows)


def _span(pairs: Sequence[Pair]) -> str:
    times = sorted(pair.decided_at.date() for pair in pairs if pair.decided_at)
    return f"{times[0]} to {times[-1]}" if times else ""


def _tally(counts: Counter[str]) -> str:
    rows = sorted(((count, reason) for reason, count in counts.items() if count), reverse=True)
    return _table(("count", "reason"), rows) if rows else "\nnone"


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n" + "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines)
