"""Who may speak: an adapter's kept evaluation decides, or somebody takes it on themselves.

An adapter that fails stays in the registry; it can be watched in `shadow`, and `--force` promotes
it all the same. Its card says which.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from finetune.evaluation.judgement import ENOUGH_NEWER, judge
from finetune.evaluation.kept import SCORECARD, evaluations_folder
from finetune.evaluation.scorecard import read_scorecard
from postil.errors import AdapterError
from postil.records import Promotion


def decide(
    home: Path,
    repo: str,
    folder: Path,
    live: Path | None,
    way: Literal["shadow", "forced"] | None,
) -> Promotion:
    """How an adapter may be promoted; AdapterError where it may not, with all that is missing.

    `way` is what somebody asked for, should it not have earned it.
    """
    reasons = _reasons(evaluations_folder(home, repo, folder.name) / SCORECARD, folder, live)
    if reasons and way is None:
        raise AdapterError(
            f"{repo}: {folder.name} may not speak: "
            + "; ".join(reasons)
            + ". With --shadow it is watched and posts nothing; --force lets it speak all the same"
        )
    return Promotion(at=datetime.now(UTC), how=way if reasons and way else "earned", failed=reasons)


def _reasons(path: Path, folder: Path, live: Path | None) -> tuple[str, ...]:
    if not path.exists():
        return (f"it was not measured (postil evaluate {folder.name})",)
    scorecard = read_scorecard(path)
    beside = scorecard.live.adapter if scorecard.live else None
    if live is not None and live != folder and scorecard.newer_than and beside is None:
        return (f"{ENOUGH_NEWER}: none after {scorecard.newer_than:%Y-%m-%d}",)
    if live is not None and live != folder and beside != live.name:
        return (f"it was not measured beside the live adapter (postil evaluate {folder.name})",)
    return tuple(
        f"{check.name}: {check.figure} (wanted: {check.wanted})"
        for check in judge(scorecard)
        if not check.passed
    )
