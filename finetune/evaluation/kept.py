"""Where what was measured on an adapter is kept: HOME/evaluations/<repo>/<adapter>/.

Beside the adapters, not in them: an adapter's files are hashed by its card and never change
(docs/decisions/005-evaluations-beside-adapters.md).
"""

from pathlib import Path

from finetune.adapters import Registry

SCORECARD = "scorecard.json"


def evaluations_folder(home: Path, repo: str, adapter: str) -> Path:
    """The folder of one adapter's figures, made where it is not there."""
    root, folder = Registry(home).root, Registry(home).folder(repo)
    kept = home / "evaluations" / folder.relative_to(root) / adapter
    kept.mkdir(parents=True, exist_ok=True)
    return kept
