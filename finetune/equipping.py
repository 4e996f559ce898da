"""What stands beside an adapter's weights: its memory, its topics, its way of saying, its gates.

All are made from pairs the weights were not trained on, or older than what they are asked about,
and from what the model says to them. None of it changes a weight.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

import msgspec

from finetune.base_model import BaseModel
from finetune.engines import Engine
from finetune.engines.kept import KeptEngine, name_model
from finetune.engines.local import LocalEngine
from finetune.evaluation.evaluate import calibration_rows
from finetune.evaluation.plan import Limits
from finetune.evaluation.readings import Progress, no_progress
from finetune.gate import CHEAP_GATE_FILE, GATE_FILE, PRIOR_FILE, Gate, write_gate
from finetune.gate_fitting import fit_gate
from finetune.kind_thresholds import ask_words, likeliest, with_kinds
from finetune.lexicon import LEXICON_FILE
from finetune.loaded_base import Precision
from finetune.memory import learn_memory, write_memory
from finetune.pooling import own_gate, repos_of, shown_entries
from finetune.recall import INDEX_FILE, Recall, index_entries
from finetune.retrieval import calibrate_memory
from finetune.topics import TOPICS_FILE, recurring, write_topics
from finetune.ways import Chosen, choose_way
from postil.records import AdapterCard, Pair, Way
from postil.settings import Settings

TRIED = "chrf_"
"""Begins the names of metrics that tell what each way of saying came to."""


def beside_weights(name: str) -> bool:
    """Whether a file of an adapter's folder is one of those that are made here."""
    return name in (INDEX_FILE, LEXICON_FILE, PRIOR_FILE, TOPICS_FILE) or name.startswith("gate")


def equip(
    folder: Path,
    pairs: Sequence[Pair],
    settings: Settings,
    base: BaseModel,
    card: AdapterCard,
    home: Path,
    progress: Progress = no_progress,
    limits: Limits | None = None,
) -> tuple[AdapterCard, Gate | None]:
    """Put memory, topics and gates beside the weights; the card with its way, the common gate.

    `limits`: how much of the calibration part is read. What the model says is kept in `home`.
    """
    engine = _remembering(base, folder, card, home)
    pooled = repos_of(pairs)
    entries = index_entries(pairs, named=settings.review.name_reviewers, pooled=bool(pooled))
    recall = Recall(entries) if pooled else learn_memory(pairs, entries, settings.train.seed)
    write_memory(folder, recall)  # of several repositories: words of one say nothing to another
    if not pooled:  # a topic of several repositories would quote one in another
        write_topics(folder / TOPICS_FILE, recurring(pairs, recall, settings))
    chosen = _choose_way(pairs, settings, engine, recall)
    calibrate = partial(
        _calibrate, settings, engine, way=chosen.way, progress=progress, limits=limits
    )
    gate = calibrate(pairs, recall)
    if gate is not None:
        write_gate(folder / GATE_FILE, gate)
        cheap = calibrate_memory(pairs, recall, settings)
        if cheap is not None:
            write_gate(folder / CHEAP_GATE_FILE, cheap)
    for one in pooled:
        past = Recall(shown_entries(entries, card, one))
        own = calibrate([pair for pair in pairs if pair.repo == one], past)
        if own is not None:
            write_gate(folder / own_gate(one), own)
    return _with_way(card, chosen, gate), gate


def _remembering(base: BaseModel, folder: Path, card: AdapterCard, home: Path) -> Engine:
    """The adapter's engine; what it says here its evaluation need not ask again."""
    precision = cast("Precision", card.scoring.get("precision", "bf16"))
    length = card.max_length
    return KeptEngine(
        home,
        name_model(base.sha256, precision, length, folder),
        lambda: LocalEngine(base, folder, precision=precision, max_length=length, card=card),
    )


def _calibrate(
    settings: Settings,
    engine: Engine,
    pairs: Sequence[Pair],
    recall: Recall,
    *,
    way: Way,
    progress: Progress,
    limits: Limits | None,
) -> Gate | None:
    """A gate from the calibration part; None, and so silence, where there is none."""
    if not any(pair.split == "calibration" and pair.window for pair in pairs):
        return None
    seed, tokens = settings.train.seed, settings.review.max_tokens
    rows = calibration_rows(engine, pairs, recall, limits=limits, progress=progress)
    gate = fit_gate(rows, min_precision=settings.review.min_precision, seed=seed)
    asked = {row.pair for row in likeliest(gate, rows)}
    said = ask_words(engine, recall, way, [pair for pair in pairs if pair.id in asked], tokens)
    return with_kinds(gate, rows, said)


def _choose_way(
    pairs: Sequence[Pair], settings: Settings, engine: Engine, recall: Recall
) -> Chosen:
    """How it is to say things; without a memory there is nothing to quote or to show."""
    ways: list[Way] = ["write", "recall", "recall+write"] if recall.entries else ["write"]
    tokens, seed = settings.review.max_tokens, settings.train.seed
    return choose_way(engine, pairs, recall, ways, max_tokens=tokens, seed=seed)


def _with_way(card: AdapterCard, chosen: Chosen, gate: Gate | None) -> AdapterCard:
    tried = {f"{TRIED}{way}": round(score, 2) for way, score in chosen.chrf.items()}
    return msgspec.structs.replace(
        card,
        scoring={**card.scoring, "way": chosen.way},
        metrics={**card.metrics, **tried},
        threshold=gate.threshold if gate else None,
    )
