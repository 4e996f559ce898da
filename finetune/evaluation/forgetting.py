"""Texts that are no review, and how much worse an adapter reads them than its base.

Code is the standard library's, prose the licences of Python and of the installed packages: both
are on every machine, in nobody's review history, and known to any base. Figures of one machine
compare; another has other packages.
"""

import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from finetune.evaluation.engine_scores import perplexity
from finetune.evaluation.metrics import Bootstrap, Statistic, mean_of
from finetune.evaluation.plan import PlainText
from finetune.evaluation.readings import Readings
from finetune.evaluation.scorecard import Forgetting

CODE = ("argparse", "csv", "json/decoder", "pathlib", "shlex", "textwrap", "zipfile")
"""Modules of the standard library; all of them one file or a package."""
PIECE = 400
"""Characters that are read at once."""
PIECES = 40
A_FILE = 10
"""Pieces of one file at most, evenly spread over it."""


def plain_texts(pieces: int = PIECES) -> tuple[PlainText, ...]:
    """Pieces of code and of prose, at most so many of each."""
    library = Path(sysconfig.get_paths()["stdlib"])
    packages = Path(sysconfig.get_paths()["purelib"])
    licences = sorted(packages.glob("*.dist-info/licenses/LICENSE*"))
    return (
        *_pieces("code", [library / f"{name}.py" for name in CODE], pieces),
        *_pieces("prose", [library / "LICENSE.txt", *licences], pieces),
    )


def _pieces(kind: Literal["code", "prose"], files: Sequence[Path], most: int) -> list[PlainText]:
    found: list[PlainText] = []
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        for start in range(0, len(text) - PIECE, len(text) // A_FILE or 1):
            piece = text[start : start + PIECE]
            found.append(PlainText(kind=kind, source=file.name, text=piece))
    return found[:most]


def measure_forgetting(
    texts: Sequence[PlainText], base: Readings, adapter: Readings, seed: int
) -> tuple[Forgetting, ...]:
    """Perplexity of each kind of text; intervals are resampled by file."""
    kinds: tuple[Literal["code", "prose"], ...] = ("code", "prose")
    found = []
    for kind in kinds:
        here = [at for at, text in enumerate(texts) if text.kind == kind]
        if not here:
            continue
        draws = Bootstrap([texts[at].source for at in here], seed=seed)
        before, after = (_loss([one.plain[at] for at in here]) for one in (base, adapter))
        found.append(
            Forgetting(
                kind=kind,
                pieces=len(here),
                base=draws.interval(perplexity(before)),
                adapter=draws.interval(perplexity(after)),
                growth=draws.interval(_growth(before, after)),
            )
        )
    return tuple(found)


def _loss(read: Sequence[tuple[float, int]]) -> Statistic:
    each = [nats / tokens if tokens else 0.0 for nats, tokens in read]
    return mean_of(each, [tokens for _, tokens in read])


def _growth(before: Statistic, after: Statistic) -> Statistic:
    ratio = perplexity(lambda weights: after(weights) - before(weights))
    return lambda weights: ratio(weights) - 1
