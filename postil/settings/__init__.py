"""postil.toml -> Settings, validated; the one place that knows the defaults.

`[tool.postil]` in pyproject.toml does as well. Modules read no environment: a command loads the
settings and secrets once and hands them down. Unknown keys are refused by name, with the nearest
known spelling.
"""

from postil.settings.base import Section
from postil.settings.files import (
    Settings,
    load_settings,
    parse_project,
    parse_settings,
    postil_home,
)
from postil.settings.learning import (
    AugmentSettings,
    MiningSettings,
    RetrainSettings,
    TrainSettings,
)
from postil.settings.reviewing import (
    EngineSettings,
    OutcomeSettings,
    ReviewSettings,
    ServerSettings,
)

__all__ = [
    "AugmentSettings",
    "EngineSettings",
    "MiningSettings",
    "OutcomeSettings",
    "RetrainSettings",
    "ReviewSettings",
    "Section",
    "ServerSettings",
    "Settings",
    "TrainSettings",
    "load_settings",
    "parse_project",
    "parse_settings",
    "postil_home",
]
