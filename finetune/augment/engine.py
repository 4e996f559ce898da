"""The configured engine, opened while training pairs are reworded and let go before training."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from finetune.augment import Augmented, augment
from finetune.augment.rewording import Progress
from finetune.base_model import BaseModel, find_base
from finetune.engines import Complete
from finetune.engines.local import LocalEngine
from finetune.engines.openai import CompletionServer
from finetune.evaluation.readings import no_progress
from postil.records import Pair
from postil.settings import AugmentSettings, Settings


def grow(
    pairs: Sequence[Pair],
    settings: Settings,
    base: BaseModel,
    home: Path,
    progress: Progress = no_progress,
) -> Augmented:
    """`augment` with the engine of the settings, which is opened only if one is needed."""
    wanted, seed = settings.augment, settings.train.seed
    if not wanted.rewords:
        return augment(pairs, wanted, seed)
    with opened(wanted, base, home) as complete:
        return augment(pairs, wanted, seed, complete, progress)


@contextmanager
def opened(settings: AugmentSettings, base: BaseModel, home: Path) -> Iterator[Complete]:
    """The server of the settings, another base model, or `base` itself."""
    if settings.served:
        server = CompletionServer(settings.engine, settings.engine_model)
        try:
            yield server.complete
        finally:
            server.close()
    else:
        asked = find_base(settings.engine, home) if settings.engine else base
        yield LocalEngine(asked, None).complete
