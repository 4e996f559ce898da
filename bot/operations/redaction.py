"""No secret reaches a log: known values and the shapes of tokens and keys are taken out.

A value is also known by its base64 at every offset, by its URL encoding and by its hex, as a
library may print a header or an address. What is left of a record is its text.
"""

import logging
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

GONE = "[redacted]"
SHORTEST = 8
"""Characters; what is shorter would take ordinary words out."""
SHAPES = re.compile(
    r"gh[oprsu]_[A-Za-z0-9]{20,255}"
    r"|github_pat_[A-Za-z0-9_]{20,255}"
    r"|v1\.[0-9a-f]{40}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
CREDENTIALS = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
"""Name and password of an address."""


class Redactor(logging.Filter):
    """A filter for handlers; `add` tells it of a value learned later, such as a new token."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._values: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def __repr__(self) -> str:
        return "Redactor(…)"

    def add(self, secret: str) -> None:
        """Know a value, in every encoding; what is too short is left."""
        if len(secret.strip()) >= SHORTEST:
            self._values |= encodings(secret.strip())

    def redact(self, text: str) -> str:
        """A text without secrets."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, GONE)
        return CREDENTIALS.sub(GONE, SHAPES.sub(GONE, text))

    def filter(self, record: logging.LogRecord) -> bool:
        """Put the whole text, a traceback's too, into the message; nothing is dropped."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{logging.Formatter().formatException(record.exc_info)}"
            record.exc_info = None
        record.exc_text = record.stack_info = None
        record.msg, record.args = self.redact(text), ()
        return True


def encodings(secret: str) -> set[str]:
    """How a value may look in a text."""
    raw = secret.encode()
    found = {secret, quote(secret, safe=""), quote_plus(secret), raw.hex()}
    for offset in range(3):
        whole = (b64encode(b"\0" * offset + raw), urlsafe_b64encode(b"\0" * offset + raw))
        first = -(-offset * 8 // 6)  # characters that hold a bit of what stands before
        last = -1 if (offset + len(raw)) % 3 else None
        found |= {text.decode().rstrip("=")[first:last] for text in whole}
    return {value for value in found if len(value) >= SHORTEST}
