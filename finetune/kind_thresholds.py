"""Thresholds of their own for kinds of remarks, where the calibration part has enough of them.

What an adapter would say of the likeliest windows is put into kinds (`finetune.categories`); of a
kind that was said often enough, the threshold is chosen by the windows it was said of alone. A kind
that is never right often enough is never said. Everything else keeps the gate's own threshold.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from finetune.categories import categorize
from finetune.engines import Engine
from finetune.features import Labelled
from finetune.gate import Gate
from finetune.recall import Recall
from finetune.thresholds import choose_threshold
from finetune.ways import Asked, say
from postil.answer import anchors
from postil.prompt import render_question
from postil.records import Pair, Way

LEAST_REMARKS = 100
"""In the calibration part; with fewer no kind has enough, and nothing is asked."""
LEAST_SAID, LEAST_RIGHT = 20, 8
"""Windows of a kind, and those of them that were remarked on."""
MOST_ASKED = 200


def likeliest(gate: Gate, rows: Sequence[Labelled]) -> list[Labelled]:
    """The windows worth asking about, the likeliest first; none where remarks are few."""
    rows = [row for row in rows if row.kind != "ambiguous"]
    if gate.threshold is None or sum(row.remarked for row in rows) < LEAST_REMARKS:
        return []
    order = sorted(rows, key=lambda row: (-gate.probability(row.features), row.pair))
    return order[:MOST_ASKED]


def ask_words(
    engine: Engine, recall: Recall, way: Way, pairs: Sequence[Pair], max_tokens: int
) -> dict[str, str]:
    """What the adapter says of each pair's window at the likeliest line, by pair id."""
    asked = []
    for pair in pairs:
        assert pair.window is not None  # noqa: S101 - calibrated windows all have one
        allowed = anchors(pair.window)
        scores = engine.anchor_scores(render_question(pair.window), allowed)
        place = allowed[max(range(len(allowed)), key=scores.__getitem__)]
        asked.append(Asked(window=pair.window, anchor=place, before=pair.decided_at))
    said = say(engine, recall, way, asked, max_tokens)
    return dict(zip((pair.id for pair in pairs), said, strict=True))


def with_kinds(gate: Gate, rows: Sequence[Labelled], said: Mapping[str, str]) -> Gate:
    """The gate with a threshold for every kind that was said often enough; `said` by pair id."""
    by_kind = defaultdict[str, list[Labelled]](list)
    for row in rows:
        if said.get(row.pair):
            by_kind[categorize(said[row.pair])].append(row)
    found: dict[str, float | None] = {}
    for kind, here in sorted(by_kind.items()):
        right = sum(row.remarked for row in here)
        if len(here) < LEAST_SAID or right < LEAST_RIGHT:
            continue
        found[kind] = choose_threshold(
            [gate.probability(row.features) for row in here],
            [row.remarked for row in here],
            gate.wanted_precision,
            weights=[row.weight for row in here],
        ).value
    return msgspec.structs.replace(gate, by_kind=found)
