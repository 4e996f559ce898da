"""Examples -> instruction/response pairs, split by time, silences thinned out for training.

The instruction is `postil.prompt.render_question` and nothing else; the response is a rendered
answer. Training and early stopping hold `silences` times as many silences as remarks; calibration
and test keep every window, as reviewers meet them; a remark there whose commit is gone is measured
in words only. What is said too often, or by one person alone, is capped in training
(`mining.capping`).
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

from mining.capping import over_the_caps
from mining.split import near_duplicates, split_by_time
from postil.prompt import TEMPLATE, render_question
from postil.records import Example, Pair, Split
from postil.settings import MiningSettings

THINNED: tuple[Split, ...] = ("train", "validation")


def to_pairs(
    examples: Sequence[Example], settings: MiningSettings
) -> tuple[list[Pair], Counter[str]]:
    """Pairs of all four parts in time order, and what was left out by reason."""
    part_of = split_by_time(examples, settings.shares)
    dropped: Counter[str] = Counter()
    twins = near_duplicates(examples, part_of)
    dropped["nearly the same as a later example"] = len(twins)
    kept = [e for e in examples if e.id not in twins and _usable(e, part_of[e.id], dropped)]
    training = [e for e in kept if part_of[e.id] == "train"]
    too_many = over_the_caps(training, settings.same_remarks, settings.reviewer_share)
    dropped.update(too_many.values())
    kept = [e for e in kept if e.id not in too_many]
    thinned = _thin(kept, part_of, settings.silences)
    dropped["silences beyond those wanted for training"] = len(kept) - len(thinned)
    return [_pair(example, part_of[example.id], settings) for example in thinned], +dropped


def _usable(example: Example, part: Split, dropped: Counter[str]) -> bool:
    if part in THINNED and example.kind == "ambiguous":
        dropped["ambiguous, not trained on"] += 1
        return False
    if part not in THINNED and not example.located and example.kind != "remark":
        dropped["commit gone: no place to measure"] += 1
        return False
    return True


def _thin(examples: Sequence[Example], part_of: dict[str, Split], ratio: float) -> list[Example]:
    """Keep `ratio` silences a remark in the training parts, chosen by their ids' hashes."""
    chosen: set[str] = set()
    for part in THINNED:
        here = [e for e in examples if part_of[e.id] == part]
        wanted = round(ratio * sum(e.kind == "remark" for e in here))
        silences = sorted((e.id for e in here if e.kind == "silence"), key=_shuffled)
        chosen.update(silences[:wanted])
    return [
        e for e in examples if e.kind != "silence" or part_of[e.id] not in THINNED or e.id in chosen
    ]


def _shuffled(identity: str) -> bytes:
    return hashlib.sha256(identity.encode()).digest()


def _pair(example: Example, part: Split, settings: MiningSettings) -> Pair:
    instruction = render_question(example.window)
    name = f"{instruction}\0{example.response}\0{example.id}"
    return Pair(
        id=hashlib.sha256(name.encode()).hexdigest()[:20],
        instruction=instruction,
        response=example.response,
        template=TEMPLATE,
        split=part,
        kind=example.kind,
        example=example.id,
        repo=example.repo,
        pull=example.pull,
        decided_at=example.decided_at,
        author=example.author,
        tier=example.tier,
        url=example.url,
        licence=settings.licence,
        located=example.located,
        newcomer=example.newcomer,
        origin=example.origin,
        window=example.window,
    )
