"""The forge that the settings name, and the way in."""

from collections.abc import Mapping
from pathlib import Path

from bot.hosts.access import GitHubAccess
from bot.hosts.forgejo_access import ForgejoAccess
from bot.hosts.sign_in import load_sign_in
from bot.work.ledger import Ledger
from postil.errors import ConfigError
from postil.settings import ServerSettings


def open_access(
    server: ServerSettings,
    home: Path,
    environment: Mapping[str, str],
    key: bytes,
    ledger: Ledger,
) -> GitHubAccess | ForgejoAccess:
    """The way to the forge of the settings; ConfigError without a token for it."""
    if server.forge == "forgejo":
        token = _forgejo_token(environment)
        return ForgejoAccess(token, key, server.api_url, server.account, ledger)
    sign_in = load_sign_in(home, environment, server.api_url, server.account)
    return GitHubAccess(sign_in, key, server.api_url, ledger)


def check_sign_in(server: ServerSettings, home: Path, environment: Mapping[str, str]) -> None:
    """ConfigError where there is no way to sign in to the forge of the settings."""
    if server.forge == "forgejo":
        _forgejo_token(environment)
    else:
        load_sign_in(home, environment, server.api_url, server.account)


def _forgejo_token(environment: Mapping[str, str]) -> str:
    token = environment.get("FORGEJO_TOKEN", "")
    if not token:
        raise ConfigError("no token: set FORGEJO_TOKEN (write:repository, write:issue)")
    return token
