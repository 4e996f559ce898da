"""What the base branch of a pull request wants of its reviews, within what whoever runs us allows.

A pull request cannot change how it is reviewed: its head is never read for that. `[review]` of the
base's postil.toml (or of [tool.postil]) holds, key by key, over the server's own; but it cannot
make a server speak that was told to be in shadow, nor say or read more than the server would.
"""

import tomllib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from bot.hosts import PullHead, Pulls
from postil.settings import ReviewSettings, parse_project, parse_settings

SETTINGS_FILE, PROJECT_FILE = "postil.toml", "pyproject.toml"
ReadFile = Callable[[str, str], str | None]
"""A file's text by its path and a commit; None where there is none."""
KEPT = 256
"""Base commits whose settings are remembered."""


class BaseSettings:
    """Puts the settings of its base beside a head; each base commit is asked for once."""

    def __init__(self, own: ReviewSettings) -> None:
        self._own = own
        self._known: OrderedDict[tuple[str, str], ReviewSettings] = OrderedDict()

    def __call__(self, pulls: Pulls, head: PullHead) -> PullHead:
        """The head with its settings; ConfigError where those of the base are wrong."""
        key = (head.repo, head.base_sha)
        if key not in self._known:
            self._known[key] = read_wanted(pulls.read_file, head.base_sha, self._own)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return replace(head, settings=self._known[key])


def read_wanted(read: ReadFile, sha: str, own: ReviewSettings) -> ReviewSettings:
    """The server's settings with what the repository wants at a commit."""
    text = read(SETTINGS_FILE, sha)
    if text is not None:
        asked = parse_settings(text, f"{SETTINGS_FILE} at the base commit").review
        return within(own, asked, tomllib.loads(text))
    text = read(PROJECT_FILE, sha)
    project = parse_project(text, f"{PROJECT_FILE} at the base commit") if text else None
    if text is None or project is None:
        return own
    return within(own, project.review, tomllib.loads(text)["tool"]["postil"])


def within(own: ReviewSettings, asked: ReviewSettings, table: Mapping[str, Any]) -> ReviewSettings:
    """`asked`, for the keys that its table has, as far as `own` allows."""
    keys = table.get("review", {})
    wanted = replace(own, **{key: getattr(asked, key) for key in keys})
    return replace(
        wanted,
        mode="comment" if "comment" == own.mode == wanted.mode else "shadow",
        max_comments=min(own.max_comments, wanted.max_comments),
        most_windows=min(own.most_windows, wanted.most_windows),
        max_tokens=min(own.max_tokens, wanted.max_tokens),
        name_reviewers=own.name_reviewers and wanted.name_reviewers,
        min_precision=own.min_precision,  # of making an adapter, not of a review
        canary=own.canary,
    )
