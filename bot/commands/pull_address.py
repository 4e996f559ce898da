"""The name of a pull request, as a person writes it -> the forge, its address and the number. Pure.

`owner/name#12` is on GitHub; an address is of the forge it names.
"""

import re
from typing import Literal
from urllib.parse import urlsplit

from postil.errors import UsageError
from postil.records import Record

SHORT = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)#(?P<number>[1-9]\d{0,9})")
GITHUB = re.compile(r"/(?P<repo>[\w.-]+/[\w.-]+)/pull/(?P<number>[1-9]\d{0,9})(/.*)?")
FORGEJO = re.compile(r"(?P<above>.*)/(?P<repo>[\w.-]+/[\w.-]+)/pulls/(?P<number>[1-9]\d{0,9})/?")
EXPECTED = "expected owner/name#number, or the address of a pull request"


class PullAddress(Record, frozen=True, kw_only=True):
    """A pull request. `url` is a Forgejo's root or GitHub's API; "": the one that is configured."""

    forge: Literal["github", "forgejo"]
    url: str
    repo: str
    number: int


def read_address(text: str) -> PullAddress:
    """Read a name or an address; UsageError for anything else."""
    if match := SHORT.fullmatch(text):
        return _address("github", "", match)
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise UsageError(f"--pr {text!r}: {EXPECTED}")
    root = f"{parts.scheme}://{parts.netloc}"
    if match := GITHUB.fullmatch(parts.path):
        public = parts.hostname in ("github.com", "www.github.com")
        return _address("github", "" if public else f"{root}/api/v3", match)
    if match := FORGEJO.fullmatch(parts.path):
        return _address("forgejo", root + match["above"], match)
    raise UsageError(f"--pr {text!r}: {EXPECTED}")


def _address(forge: Literal["github", "forgejo"], url: str, match: re.Match[str]) -> PullAddress:
    return PullAddress(forge=forge, url=url, repo=match["repo"], number=int(match["number"]))
