"""Brings an adapter onto the runner, once for each content key, and checks it.

    HOME/fetched/<hash of the key>/<the adapter's digest>/

A folder is made aside and renamed, so that one that is there is whole; its card is checked again
at every load all the same.
"""

import hashlib
import tempfile
from pathlib import Path

from bot.action.located import Located, locate
from bot.action.rest import Rest
from bot.action.sources import Source
from finetune.adapters import Registry
from finetune.cards import CARD, digest_card, load_card
from postil.errors import AdapterError, ConfigError

FETCHED = "fetched"


def fetched_folder(home: Path, key: str) -> Path:
    """Where what a key names is kept."""
    return home / FETCHED / hashlib.sha256(key.encode()).hexdigest()[:32]


def bring_adapter(
    rest: Rest, repo: str, base_sha: str, source: Source, home: Path, workspace: Path | None
) -> Path | None:
    """The folder of the adapter that a source names; None where the promoted one is meant.

    AdapterError where there is none, or one that is not what its card says.
    """
    if source.kind == "promoted":
        return Registry(home).current(repo)
    if source.kind == "digest":
        return Registry(home).find(repo, source.where)
    if source.kind == "runner":
        return _on_runner(source.where, workspace)
    return _brought(locate(rest, repo, base_sha, source), home)


def _on_runner(name: str, workspace: Path | None) -> Path:
    folder = Path(name).expanduser().resolve()
    if workspace is not None and folder.is_relative_to(workspace.resolve()):
        raise ConfigError(
            f"adapter: {name} is in the checkout, which may be the pull request's: give its path in"
            " the repository, and it is taken from the base branch"
        )
    if not (folder / CARD).is_file():
        raise AdapterError(f"adapter: {name}: there is no {CARD} in that folder of the runner")
    return folder


def _brought(located: Located, home: Path) -> Path:
    kept = fetched_folder(home, located.key)
    found = sorted(kept.glob(f"*/{CARD}"))
    if found:
        return found[0].parent
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept, prefix=".") as aside:
        made = Path(aside) / "adapter"
        made.mkdir()
        located.bring(made)
        target = kept / digest_card(load_card(made))
        if not target.exists():
            made.rename(target)
    return target
