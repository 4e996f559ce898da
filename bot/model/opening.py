"""Which adapter reviews a pull request, and its process, opened with all that it needs."""

import hashlib
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from bot.model.adapter_info import read_info
from bot.model.process import ModelProcess
from finetune.adapters import Registry
from finetune.cards import CARD
from postil.errors import AdapterError
from postil.settings import EngineSettings

log = logging.getLogger(__name__)

LOAD, SERVED = "bot.model.loaded_adapter:load", "bot.model.served_adapter:load"
REMEMBER = "bot.model.remembering:load"
"""What the child calls for an adapter with weights, here or at a server, and for one without."""
LOCAL = EngineSettings()
NO_ADAPTER = "no adapter is promoted for this repository"


def find_adapter(home: Path, repo: str, name: str = "") -> Path | None:
    """The folder of an adapter by path or digest, else the promoted one; None where none is."""
    if name and (Path(name).expanduser() / CARD).is_file():
        return Path(name).expanduser().resolve()
    if name and ("/" in name or not repo):
        raise AdapterError(f"{name}: no adapter folder: there is no {CARD} in it")
    if name:
        return Registry(home).find(repo, name)
    return Registry(home).current(repo) if repo else None


def open_model(
    folder: Path,
    home: Path,
    environment: Mapping[str, str],
    base_name: str = "",
    engine: EngineSettings = LOCAL,
    repo: str = "",
) -> ModelProcess:
    """The process of a verified adapter; nothing is loaded before it is asked something.

    `repo`: where it reviews, for an adapter of several repositories.
    """
    card, info = read_info(folder, repo)
    place = {"repo": repo} if card.pooled else {}
    served = card.has_weights and engine.kind == "openai"

    def find_spec() -> dict[str, str]:
        if not card.has_weights:
            return {"adapter": str(folder.resolve())}
        if served and engine.tokenizer:
            return _at_server(folder, engine, Path(engine.tokenizer))
        from finetune.base_model import find_base

        base = find_base(base_name or card.base, home)
        if served:
            return _at_server(folder, engine, base.folder)
        return {
            "adapter": str(folder.resolve()),
            "base": base.name,
            "base_folder": str(base.folder.resolve()),
            "base_revision": base.revision,
            "base_sha256": base.sha256,
        }

    def spec_there() -> dict[str, str]:
        return {**find_spec(), **place}

    own = {**environment, "POSTIL_HOME": str(home.resolve())}
    factory = SERVED if served else LOAD if card.has_weights else REMEMBER
    return ModelProcess(info, factory, spec_there, own)


def _at_server(folder: Path, engine: EngineSettings, tokenizer: Path) -> dict[str, str]:
    return {
        "adapter": str(folder.resolve()),
        "url": engine.url,
        "model": engine.model.replace("{adapter}", folder.name),
        "tokenizer": str(tokenizer.expanduser().resolve()),
    }


def find_for(home: Path, repo: str, pull: int, canary: float, name: str = "") -> Path | None:
    """The adapter of a pull request: the candidate's for a share of them, else the promoted one."""
    if not name and repo and in_canary(repo, pull, canary):
        try:
            candidate = Registry(home).candidate(repo)
        except AdapterError as error:
            log.warning("repo=%s reviewed by the promoted adapter: %s", repo, error)
            candidate = None
        if candidate is not None:
            return candidate
    return find_adapter(home, repo, name)


def in_canary(repo: str, pull: int, share: float) -> bool:
    """Whether a pull request is among those that the candidate reviews; the same at every push."""
    digest = hashlib.sha256(f"{repo.lower()}#{pull}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


class OpenModel(Protocol):
    """Opens an adapter's process, for one repository where it is of several."""

    def __call__(self, folder: Path, *, repo: str = ...) -> ModelProcess: ...


def adapter_opener(
    home: Path,
    environment: Mapping[str, str],
    base_name: str = "",
    engine: EngineSettings = LOCAL,
) -> OpenModel:
    """`open_model` for whichever folder comes."""
    return partial(
        open_model, home=home, environment=environment, base_name=base_name, engine=engine
    )
