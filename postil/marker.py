"""The hidden marker by which we know our own comments again, and the place key. Pure.

A marker is an HTML comment that holds where and what we said, with an HMAC over it. It counts
only on a comment of our own account: the caller checks the author.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from postil.records import Record, Side

SHAPE = re.compile(r"<!-- postil:1 ([A-Za-z0-9_=-]{1,2000}) ([0-9a-f]{64}) -->")
SHORT = 16
"""Hex digits of the keys that need only tell apart what is said in one pull request."""


class Marker(Record, frozen=True, kw_only=True):
    """`place` and `fingerprint` are sha256 in hex; see `place_key` and `fingerprint`.

    The rest is of a comment on lines: `text` and `rows` know those lines again wherever they
    stand, `around` the lines before and after them, `words` the message, and `settled` is the head
    on which they were gone.
    """

    place: str
    fingerprint: str
    head_sha: str
    adapter: str
    text: str = ""
    rows: int = 0
    around: tuple[str, str] = ("", "")
    words: str = ""
    settled: str = ""


def place_key(
    repo: str,
    pull: int,
    path: str,
    lines: tuple[str, ...],
    around: tuple[str, str],
    occurrence: int,
) -> str:
    """Where a remark stands, by content, so that a rebase does not move it.

    `lines` are the anchored lines, `around` the line before and the line after them (""
    at an end), `occurrence` counts equal places in the file from 0. Indentation tells no two
    places apart.
    """
    shown = (*lines, *around)
    return _digest([repo.lower(), pull, path, *(line.strip() for line in shown), occurrence])


def text_key(path: str, side: Side, lines: Sequence[str]) -> str:
    """Some lines of one side of a file, wherever in it they stand; SHORT characters."""
    return _digest([path, side, *(line.strip() for line in lines)])[:SHORT]


def around_keys(path: str, side: Side, around: tuple[str, str]) -> tuple[str, str]:
    """The lines before and after some lines, each wherever it stands; "" for a blank one."""
    before, after = (text_key(path, side, (line,)) if line.strip() else "" for line in around)
    return before, after


def words_key(message: str) -> str:
    """A message, wherever it is said; SHORT characters."""
    return _digest([" ".join(message.split())])[:SHORT]


def fingerprint(place: str, message: str) -> str:
    """What was said where."""
    return _digest([place, " ".join(message.split())])


def render_marker(marker: Marker, key: bytes) -> str:
    """The HTML comment to append to a comment's body."""
    payload = urlsafe_b64encode(msgspec.json.encode(marker)).decode()
    return f"<!-- postil:1 {payload} {_sign(payload, key)} -->"


def read_marker(body: str, key: bytes) -> Marker | None:
    """The last marker in a body that was signed with `key`; None where there is none."""
    found = markers_of(body, key)
    return found[-1] if found else None


def markers_of(body: str, key: bytes) -> list[Marker]:
    """Every marker in a body that was signed with `key`."""
    found = []
    for payload, signature in SHAPE.findall(body):
        if hmac.compare_digest(_sign(payload, key).encode(), signature.encode()):
            with suppress(ValueError, msgspec.MsgspecError):
                found.append(msgspec.json.decode(urlsafe_b64decode(payload), type=Marker))
    return found


def _sign(payload: str, key: bytes) -> str:
    return hmac.new(key, b"postil marker " + payload.encode(), hashlib.sha256).hexdigest()


def _digest(parts: list[str | int]) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
