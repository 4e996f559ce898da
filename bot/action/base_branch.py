"""What the base branch says: the settings, and files, at the commit a pull request is based on.

Everything comes through the API, so nothing has to be checked out and no file of the pull
request's head can be taken for one of the base.
"""

from urllib.parse import quote

import msgspec

from bot.action.rest import JSON, RAW, Rest
from postil.errors import ConfigError, HostingError, PayloadError
from postil.settings import Settings, parse_project, parse_settings

NEED = "contents: read"
SETTINGS_FILE = "postil.toml"
PROJECT_FILE = "pyproject.toml"
MOST_SETTINGS = 1 << 20


class BaseFile(msgspec.Struct, frozen=True):
    """One entry of a folder; `sha` is git's of its content."""

    name: str
    type: str
    sha: str
    size: int = 0


def base_settings(rest: Rest, repo: str, sha: str, name: str) -> tuple[Settings, str]:
    """The settings at a commit, and where they are from, in words."""
    text = read_base_file(rest, repo, sha, name)
    if text is not None:
        return parse_settings(text, f"{name} at the base commit"), f"settings: {name}"
    if name == SETTINGS_FILE:
        project = read_base_file(rest, repo, sha, PROJECT_FILE)
        found = parse_project(project, f"{PROJECT_FILE} at the base commit") if project else None
        if found is not None:
            return found, f"settings: [tool.postil] of {PROJECT_FILE}"
    return Settings(), f"default settings: there is no {name} at the base commit"


def read_base_file(rest: Rest, repo: str, sha: str, name: str) -> str | None:
    """The text of a small file at a commit; None where there is none."""
    path = f"/repos/{repo}/contents/{checked_path(name, 'config')}"
    try:
        content = rest.content(path, NEED, RAW, MOST_SETTINGS, {"ref": sha})
    except HostingError as error:
        if ": 404 " in str(error):
            return None
        raise
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} at the base commit: not UTF-8") from error


def list_base_folder(rest: Rest, repo: str, sha: str, name: str) -> tuple[BaseFile, ...]:
    """The entries of a folder at a commit, by name."""
    path = f"/repos/{repo}/contents/{checked_path(name, 'adapter')}"
    content = rest.content(path, NEED, JSON, MOST_SETTINGS, {"ref": sha})
    try:
        entries = msgspec.json.decode(content, type=tuple[BaseFile, ...])
    except msgspec.MsgspecError as error:
        raise PayloadError(f"{name} at the base commit: not a folder") from error
    return tuple(sorted(entries, key=lambda entry: entry.name))


def checked_path(name: str, what: str) -> str:
    """A path inside the repository, quoted for an address; ConfigError for any other."""
    parts = name.removeprefix("./").rstrip("/").split("/")
    if not name or any(part in ("", ".", "..") for part in parts):
        raise ConfigError(f"{what}: {name!r}: expected a path inside the repository")
    return "/".join(quote(part, safe="") for part in parts)
