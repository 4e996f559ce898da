"""An adapter's weights, and all that stands beside them made anew: another adapter, untrained.

For another `review.min_precision`, or after Postil has learned to calibrate better: minutes instead
of a training.
"""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from finetune.adapters import Registry
from finetune.base_model import find_base
from finetune.cards import digest_card, load_card
from finetune.equipping import TRIED, beside_weights, equip
from finetune.evaluation.plan import Limits
from finetune.evaluation.readings import Progress, no_progress
from finetune.files import digest_file
from finetune.gate import Gate
from mining.dataset import digest_pairs
from postil.errors import AdapterError, ConfigError
from postil.records import AdapterCard, Pair
from postil.settings import Settings


def recalibrate(
    folder: Path,
    pairs: Sequence[Pair],
    settings: Settings,
    registry: Registry,
    progress: Progress = no_progress,
    limits: Limits | None = None,
) -> tuple[Path, Gate | None]:
    """Publish, promote nothing; the folder and its gate. The old one where nothing would change.

    ConfigError where the adapter has no weights, or where the pairs are not those it was trained
    on: with others, what it is calibrated on it may have learned.
    """
    card = load_card(folder)
    if not card.has_weights:
        raise ConfigError(
            f"{folder.name}: has no weights; `postil train --mode retrieval` makes it anew"
        )
    if digest_pairs(pairs) != card.data_sha256:
        raise ConfigError(
            f"{folder.name}: was trained on other pairs than these: give those with --pairs, or"
            " train anew"
        )
    base = find_base(card.base, registry.home)
    if base.sha256 != card.base_sha256:
        raise AdapterError(f"{folder.name}: was made for another {card.base}; train it anew")
    with registry.workspace(card.repo) as made:
        _copy_weights(folder, card, made)
        fresh, settings = _unmeasured(card), _as_trained(settings, card)
        fresh, gate = equip(made, pairs, settings, base, fresh, registry.home, progress, limits)
        return registry.publish(made, fresh), gate


def _copy_weights(folder: Path, card: AdapterCard, made: Path) -> None:
    try:
        for name, digest in card.files.items():
            if not beside_weights(name):
                shutil.copyfile(folder / name, made / name)
                if digest_file(made / name) != digest:
                    raise AdapterError(f"{folder / name}: changed while it was read")
    except OSError as error:
        raise AdapterError(f"{folder}: cannot be read whole: {error.strerror}") from error


def _unmeasured(card: AdapterCard) -> AdapterCard:
    """Its card without what was found by asking it, and without any promotion."""
    return replace(
        card,
        parent=digest_card(card),
        metrics={name: n for name, n in card.metrics.items() if not name.startswith(TRIED)},
        created_at=datetime.now(UTC),
        files={},
        threshold=None,
        promotion=None,
    )


def _as_trained(settings: Settings, card: AdapterCard) -> Settings:
    """Settings of which those of training are what they were."""
    return replace(settings, train=replace(settings.train, seed=card.seed))
