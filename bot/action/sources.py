"""The input `adapter` -> where the adapter is. Pure.

| written | is |
|---|---|
| nothing | the promoted one under POSTIL_HOME |
| `owner/name@tag`, `owner/name@tag#file` | an asset of a release |
| `artifact:name`, `artifact:file.yml/name` | of its newest run on the default branch |
| `hub:owner/name@revision` | a model repository on a hub |
| `https://…#sha256=…` | an archive on the web |
| `/…` | a folder on the runner |
| `0123abcd` | the start of a digest in the registry under POSTIL_HOME |
| anything else | a folder in the repository, on the base branch |
"""

import re
from typing import Literal

from postil.errors import ConfigError
from postil.records import Record

Kind = Literal["promoted", "release", "artifact", "hub", "web", "runner", "digest", "base"]

RELEASE = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)@(?P<tag>[\w./+-]+)(?:#(?P<file>[\w.+-]+))?")
ARTIFACT = re.compile(r"artifact:(?:(?P<file>[\w.-]+\.ya?ml)/)?(?P<name>[\w .-]+)")
HUB = re.compile(r"hub:(?P<repo>[\w.-]+/[\w.-]+)@(?P<revision>[\w./-]+)")
WEB = re.compile(r"(?P<url>https?://[^#\s]+)#sha256=(?P<sha256>[0-9a-f]{64})")
DIGEST = re.compile(r"[0-9a-f]{4,16}")


class Source(Record, frozen=True, kw_only=True):
    """Where an adapter is: `where` is a path, repository, name or address; `part` tag and such."""

    kind: Kind
    where: str = ""
    part: str = ""
    file: str = ""


def read_source(text: str) -> Source:
    """Read the input; ConfigError where it is none of these."""
    text = text.strip()
    if not text:
        return Source(kind="promoted")
    if match := WEB.fullmatch(text):
        return Source(kind="web", where=match["url"], part=match["sha256"])
    if "://" in text:
        raise ConfigError(
            f"adapter: {text[:200]}: an address must end in #sha256= and 64 hex digits"
        )
    if match := ARTIFACT.fullmatch(text):
        return Source(kind="artifact", where=match["name"], file=match["file"] or "")
    if match := HUB.fullmatch(text):
        return Source(kind="hub", where=match["repo"], part=match["revision"])
    if text.startswith(("artifact:", "hub:")):
        raise ConfigError(
            f"adapter: {text[:200]}: expected artifact:name, artifact:workflow.yml/name"
            " or hub:owner/name@revision"
        )
    if match := RELEASE.fullmatch(text):
        file = match["file"] or ""
        return Source(kind="release", where=match["repo"], part=match["tag"], file=file)
    if text.startswith(("/", "~")):
        return Source(kind="runner", where=text)
    if DIGEST.fullmatch(text):
        return Source(kind="digest", where=text)
    return Source(kind="base", where=text)
