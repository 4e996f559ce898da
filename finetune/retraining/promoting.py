"""What becomes of a measured candidate, and making it so once, however often the run is killed."""

from pathlib import Path

import msgspec

from finetune.adapters import Registry
from finetune.cards import load_card
from finetune.evaluation.judgement import COMMANDED
from finetune.promotion import decide
from finetune.retraining.ledger import Outcome, Run


class Decided(msgspec.Struct, frozen=True):
    """The outcome, and a line about it."""

    outcome: Outcome
    detail: str


def decide_fate(registry: Registry, home: Path, run: Run, canary: float) -> Decided:
    """Let it speak if it has earned it, be watched if nothing speaks yet.

    With a canary share, a person decides when it takes the place of one that speaks. Where a phrase
    commands a remark it is not even watched.
    """
    repo, name = run.repo, run.candidate
    made, live = registry.folder(repo) / name, _live(registry, run)
    if _was_let(registry, repo, made):
        return Decided("refused", f"not promoted: {name} is current or candidate, or rolled back")
    speaks = live not in (None, made) and not _watched(live)
    possible = decide(home, repo, made, live, "shadow")
    if possible.how != "earned":
        failed = "; ".join(possible.failed)
        if speaks or COMMANDED in failed:
            return Decided("refused", f"not promoted: {name}: {failed}")
        return Decided("shadow", f"promoted in shadow, it posts nothing: {name}; {failed}")
    if canary and speaks:
        share = f"{canary:.0%} of the pull requests"
        return Decided("canary", f"candidate: {name} reviews {share}; promote it by hand")
    return Decided("promoted", f"promoted: {name}")


def promote(registry: Registry, home: Path, run: Run) -> None:
    """Do what was decided, unless a killed try had done it.

    Whoever rolled it back since then is not overruled: it is then the adapter before.
    """
    if run.outcome == "refused":
        return
    repo, made = run.repo, registry.folder(run.repo) / run.candidate
    if _was_let(registry, repo, made):
        return
    live = _live(registry, run)
    promotion = decide(home, repo, made, live, "shadow" if run.outcome == "shadow" else None)
    if run.outcome == "canary":
        registry.stage(repo, made, promotion)
    else:
        registry.promote(repo, made, promotion)


def _was_let(registry: Registry, repo: str, made: Path) -> bool:
    """Whether it speaks, did so until it was rolled back, or is tried. One that was deleted by hand
    and made anew is pointed to as well, but its card says that nobody let it speak."""
    return made.name in registry.pointed(repo) and load_card(made).promotion is not None


def _live(registry: Registry, run: Run) -> Path | None:
    """The adapter that the candidate was measured beside, if it is still there."""
    folder = registry.folder(run.repo) / run.live
    return folder if run.live and folder.exists() else None


def _watched(live: Path | None) -> bool:
    if live is None:
        return False
    promotion = load_card(live).promotion
    return promotion is not None and promotion.how == "shadow"
