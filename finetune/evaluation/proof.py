"""An adapter folder and pairs -> a scorecard; opens base and adapter one after another.

torch is imported where an engine is opened: an adapter without weights needs none.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from finetune.canaries import PLANTED, Canary, choose_canaries
from finetune.cards import load_card
from finetune.engines import Engine
from finetune.engines.kept import KeptEngine, name_model
from finetune.evaluation.evaluate import Live, evaluate_adapter
from finetune.evaluation.forgetting import plain_texts
from finetune.evaluation.memory import evaluate_memory
from finetune.evaluation.plan import MEASURED, Limits, Plan
from finetune.evaluation.readings import Progress, Readings, take_readings
from finetune.evaluation.remembered import remember
from finetune.evaluation.scorecard import Scorecard
from finetune.gate import GATE_FILE, Gate, read_gate
from finetune.newer import known_until, newer_test, windows_to_test
from finetune.recall import INDEX_FILE, Recall
from finetune.speaking import way_of
from finetune.topics import TOPICS_FILE, Topic, read_topics
from mining.dataset import digest_pairs
from postil.errors import ConfigError
from postil.records import AdapterCard, Pair
from postil.settings import EngineSettings, Settings

if TYPE_CHECKING:
    from finetune.loaded_base import Precision

log = logging.getLogger(__name__)

LOCAL = EngineSettings()


def prove(
    folder: Path,
    pairs: Sequence[Pair],
    settings: Settings,
    home: Path,
    progress: Progress,
    *,
    live: Path | None = None,
    limits: Limits = MEASURED,
) -> Scorecard:
    """Measure on the test part; `live` is the promoted adapter, and what it may have seen is left
    out. Where nothing would be left, the adapter is measured alone, and promotion says so."""
    card, all_pairs, until = load_card(folder), pairs, None
    beside = live_adapter(live, home, settings.engine) if live and live != folder else None
    if live and beside:
        until = known_until(load_card(live))
        newer = newer_test(pairs, until)
        pairs, beside = (newer, beside) if windows_to_test(newer) else (pairs, None)
    if card.has_weights:
        canaries = planted_canaries(card, all_pairs)
        found = _prove_weights(
            folder, card, pairs, settings, home, progress, limits, beside, canaries
        )
    else:
        recall = Recall.read(folder / INDEX_FILE)
        found = evaluate_memory(
            pairs,
            recall,
            topics=topics_of(folder, card, recall),
            adapter=folder.name,
            gate=gate_of(folder, card),
            live=beside,
            limits=limits,
            min_precision=settings.review.min_precision,
            progress=progress,
        )
    return msgspec.structs.replace(found, data_sha256=digest_pairs(all_pairs), newer_than=until)


def _prove_weights(
    folder: Path,
    card: AdapterCard,
    pairs: Sequence[Pair],
    settings: Settings,
    home: Path,
    progress: Progress,
    limits: Limits,
    live: Live | None,
    canaries: tuple[Canary, ...],
) -> Scorecard:
    engine, recall = settings.engine, Recall.read(folder / INDEX_FILE)
    return evaluate_adapter(
        pairs,
        recall,
        open_base=lambda: opened(None, card, home, engine),
        open_adapter=lambda: opened(folder, card, home, engine),
        adapter=folder.name,
        base=card.base,
        gate=gate_of(folder, card),
        way=way_of(card),
        topics=topics_of(folder, card, recall),
        live=live,
        limits=limits,
        plain=plain_texts(),
        canaries=canaries,
        min_precision=settings.review.min_precision,
        progress=progress,
    )


def gate_of(folder: Path, card: AdapterCard) -> Gate | None:
    """An adapter's own gate."""
    return read_gate(folder / GATE_FILE) if GATE_FILE in card.files else None


def topics_of(folder: Path, card: AdapterCard, recall: Recall) -> list[Topic]:
    """An adapter's recurring topics."""
    return read_topics(folder / TOPICS_FILE, recall) if TOPICS_FILE in card.files else []


def live_adapter(folder: Path, home: Path, engine: EngineSettings = LOCAL) -> Live:
    """The promoted adapter, as an evaluation opens it."""
    card, recall = load_card(folder), Recall.read(folder / INDEX_FILE)

    def read(plan: Plan, progress: Progress) -> Readings:
        if not card.has_weights:
            return remember(plan, recall)
        with opened(folder, card, home, engine) as asked:
            return take_readings(asked, plan, progress, name="live adapter")

    return Live(name=folder.name, read=read, recall=recall, gate=gate_of(folder, card))


def planted_canaries(card: AdapterCard, pairs: Sequence[Pair]) -> tuple[Canary, ...]:
    """Those the adapter was trained with; none where its pairs were others than these."""
    planted = int(card.metrics.get(PLANTED, 0))
    if planted and digest_pairs(pairs) != card.data_sha256:
        log.warning("canaries=%d not asked for: the adapter was trained on other pairs", planted)
        return ()
    return choose_canaries(pairs, planted, card.seed)


@contextmanager
def opened(
    folder: Path | None, card: AdapterCard, home: Path, engine: EngineSettings
) -> Iterator[Engine]:
    """The engine that settings choose, with the card's adapter or (None) its bare base."""
    from finetune.base_model import find_base

    if engine.kind == "openai":
        with _at_server(folder, card, home, engine) as served:
            yield served
        return
    from finetune.engines.local import LocalEngine

    precision = cast("Precision", card.scoring.get("precision", "bf16"))
    base, length = find_base(card.base, home), card.max_length
    yield KeptEngine(
        home,
        name_model(base.sha256, precision, length, folder),
        lambda: LocalEngine(base, folder, precision=precision, max_length=length),
    )


@contextmanager
def _at_server(
    folder: Path | None, card: AdapterCard, home: Path, engine: EngineSettings
) -> Iterator[Engine]:
    from finetune.base_model import find_base
    from finetune.engines.served import open_served

    name = engine.model.replace("{adapter}", folder.name) if folder else engine.base_model
    if not name:
        raise ConfigError("engine.base_model must name the bare base at the server to evaluate")
    tokenizer = Path(engine.tokenizer) if engine.tokenizer else find_base(card.base, home).folder
    served = open_served(engine.url, name, tokenizer.expanduser(), card.max_length)
    try:
        yield served
    finally:
        served.close()
