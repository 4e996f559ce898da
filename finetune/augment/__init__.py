"""More to learn from in a small training part; off by default (`[augment]`).

Pairs in, the same pairs and copies of those that are trained on out; validation, calibration and
test stay as they are. The same pairs, settings and seed give the same copies; no global state.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from finetune.augment.copies import WAYS, Batch, Way, shuffled
from finetune.augment.jitter import jitter
from finetune.augment.renaming import rename
from finetune.augment.rewording import Progress, paraphrase, translate_back
from finetune.engines import Complete
from finetune.evaluation.readings import no_progress
from postil.prompt import rephrase
from postil.records import Pair
from postil.settings import AugmentSettings


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many copies each way gave, and how many were not made, by reason."""

    kept: dict[Way, int] = msgspec.field(default_factory=dict)
    refused: dict[Way, dict[str, int]] = msgspec.field(default_factory=dict)

    @property
    def copies(self) -> int:
        """All of them."""
        return sum(self.kept.values())

    def lines(self) -> list[str]:
        """One line a way, most frequent reason first; none where nothing was asked for."""
        return [
            f"{way}: {self.kept[way]} copies"
            + "".join(
                f"; {count} not made: {reason}"
                for reason, count in Counter(self.refused[way]).most_common()
            )
            for way in WAYS
            if way in self.kept
        ]


class Augmented(msgspec.Struct, frozen=True, kw_only=True):
    """The pairs with their copies right behind them."""

    pairs: list[Pair]
    tally: Tally


def augment(
    pairs: Sequence[Pair],
    settings: AugmentSettings,
    seed: int,
    complete: Complete | None = None,
    progress: Progress = no_progress,
) -> Augmented:
    """Add copies to what is trained on and vary its instruction; without `complete` no rewording.

    The number of phrasings changes no number of pairs: each pair is given one of them.
    """
    taught = [p for p in pairs if p.split == "train" and p.kind != "ambiguous"]
    windowed = [pair for pair in taught if pair.window is not None]
    copies: dict[str, list[Pair]] = {}
    kept: dict[Way, int] = {}
    refused: dict[Way, dict[str, int]] = {}

    def add(way: Way, asked: Sequence[Pair], batch: Batch) -> None:
        for pair, made in zip(asked, batch.made, strict=True):
            copies.setdefault(pair.id, []).extend(made)
        kept[way] = sum(map(len, batch.made))
        refused[way] = dict(+batch.refused)

    if settings.jitter:
        add("jitter", windowed, jitter(windowed, settings.jitter, seed))
    if settings.renaming:
        add("renaming", windowed, rename(windowed, settings.renaming, seed))
    if complete and settings.paraphrase:
        add("paraphrase", taught, paraphrase(taught, settings, complete, progress))
    if complete and settings.back_translation:
        add("back-translation", taught, translate_back(taught, settings, complete, progress))
    grown = [one for pair in pairs for one in (pair, *copies.pop(pair.id, ()))]
    said = [_phrase(pair, settings.phrasings, seed) for pair in grown]
    return Augmented(pairs=said, tally=Tally(kept=kept, refused=refused))


def _phrase(pair: Pair, phrasings: int, seed: int) -> Pair:
    if pair.split != "train" or phrasings == 1:
        return pair
    phrasing = int.from_bytes(shuffled(pair.id, "phrasing", seed)[:8]) % phrasings
    return msgspec.structs.replace(pair, instruction=rephrase(pair.instruction, phrasing))
