"""The secrets of the webhook door: the signature over a delivery, and the keys behind it.

Nothing of a body is looked at before its signature is verified. Only SHA-256 counts.
https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from postil.errors import ConfigError, SignatureError

SECRET = "POSTIL_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable
APP_SECRET = Path("app/webhook_secret")
"""Where `/setup` keeps the secret that GitHub made, under POSTIL_HOME."""
SHORTEST_SECRET = 32
"""Characters; a shorter secret can be guessed from one captured delivery."""


def sign(secret: bytes, body: bytes) -> str:
    """The X-Hub-Signature-256 of a body."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def verify(secret: bytes, body: bytes, header: str | None) -> None:
    """Raise SignatureError unless `header` is the signature of these raw bytes.

    Bytes are compared: `compare_digest` raises on text outside ASCII.
    """
    if header is None:
        raise SignatureError("the delivery is not signed: no X-Hub-Signature-256")
    given = header.encode("utf-8", "backslashreplace")
    if not hmac.compare_digest(sign(secret, body).encode(), given):
        raise SignatureError("the signature is not of this body and our secret")


def load_secret(environment: Mapping[str, str], home: Path | None = None) -> bytes:
    """The webhook secret, from the environment or from what `/setup` wrote in `home`.

    ConfigError where there is none or a guessable one.
    """
    secret = environment.get(SECRET, "")
    file = environment.get(f"{SECRET}_FILE", "")
    if not secret and not file and home and (home / APP_SECRET).is_file():
        file = str(home / APP_SECRET)
    if not secret and file:
        try:
            secret = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{SECRET}_FILE: {file} cannot be read") from error
    if not secret:
        raise ConfigError(
            f"no webhook secret: set {SECRET} or {SECRET}_FILE, or register a GitHub App with"
            " postil serve --setup"
        )
    if len(secret) < SHORTEST_SECRET:
        raise ConfigError(
            f"{SECRET} has {len(secret)} characters; at least {SHORTEST_SECRET} are needed,"
            " for example from: openssl rand -hex 32"
        )
    return secret.encode()


def load_marker_key(home: Path) -> bytes:
    """The key of our markers, made at the first start. Who loses it says everything again."""
    path = home / "marker.key"
    home.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) != 64:
        raise ConfigError(f"{path}: not a key of ours; remove it to make a new one")
    return key


def _make_key(path: Path) -> None:
    """Whole or not at all, and never in place of a key that another process just made."""
    handle, aside = tempfile.mkstemp(dir=path.parent)  # readable by its owner only
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_hex(32).encode())
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(aside)
    Path(aside).unlink()
