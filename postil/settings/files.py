"""postil.toml or `[tool.postil]` -> Settings, validated; and where the data of Postil lives."""

import difflib
import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from postil.errors import ConfigError
from postil.settings.base import Section
from postil.settings.learning import AugmentSettings, MiningSettings, RetrainSettings, TrainSettings
from postil.settings.reviewing import (
    EngineSettings,
    OutcomeSettings,
    ReviewSettings,
    ServerSettings,
)


class Settings(Section, frozen=True, kw_only=True):
    """All of postil.toml."""

    repo: str = ""
    """owner/name on the host; used where a command is given none."""
    mining: MiningSettings = msgspec.field(default_factory=MiningSettings)
    train: TrainSettings = msgspec.field(default_factory=TrainSettings)
    augment: AugmentSettings = msgspec.field(default_factory=AugmentSettings)
    review: ReviewSettings = msgspec.field(default_factory=ReviewSettings)
    engine: EngineSettings = msgspec.field(default_factory=EngineSettings)
    outcomes: OutcomeSettings = msgspec.field(default_factory=OutcomeSettings)
    server: ServerSettings = msgspec.field(default_factory=ServerSettings)
    retrain: RetrainSettings = msgspec.field(default_factory=RetrainSettings)


def load_settings(folder: Path, file: Path | None = None) -> Settings:
    """Settings of a folder: `file`, else postil.toml, else [tool.postil], else the defaults."""
    if file is not None:
        return parse_settings(_read(file), str(file))
    own, project = folder / "postil.toml", folder / "pyproject.toml"
    if own.exists():
        return parse_settings(_read(own), str(own))
    if project.exists():
        return parse_project(_read(project), str(project)) or Settings()
    return Settings()


def parse_settings(text: str, where: str) -> Settings:
    """Read the text of a postil.toml; raise ConfigError naming the key that is wrong."""
    return _convert(_parse(text, where), where)


def parse_project(text: str, where: str) -> Settings | None:
    """Read [tool.postil] of the text of a pyproject.toml; None where it has none."""
    table = _parse(text, where).get("tool", {}).get("postil")
    return None if table is None else _convert(table, f"{where}: [tool.postil]")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}") from error


def _convert(table: Mapping[str, Any], where: str) -> Settings:
    _refuse_unknown(table, Settings, where, "")
    try:
        return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error


def _refuse_unknown(
    table: Mapping[str, Any], kind: type[msgspec.Struct], where: str, prefix: str
) -> None:
    known = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {prefix}{near[0]}?" if near else f"; known: {', '.join(known)}"
            raise ConfigError(f"{where}: unknown key {prefix}{key}{hint}")
        section = known[key]
        if isinstance(value, dict) and isinstance(section, type):
            _refuse_unknown(value, section, where, f"{prefix}{key}.")


def postil_home(environment: Mapping[str, str]) -> Path:
    """Where stores, models and adapters live: POSTIL_HOME, else the platform's data folder."""
    if environment.get("POSTIL_HOME"):
        return Path(environment["POSTIL_HOME"]).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "postil"
    if os.name == "nt":
        return Path(environment.get("LOCALAPPDATA", str(Path.home()))) / "postil"
    return Path(environment.get("XDG_DATA_HOME", str(Path.home() / ".local/share"))) / "postil"
