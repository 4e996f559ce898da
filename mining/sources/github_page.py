"""An answer of GitHub's GraphQL interface, taken apart no further than fetching needs. Pure.

A pull request goes into the store as GitHub sent it: most of an answer is text that nobody has to
look at twice, so only the fields by which one goes on are decoded.
"""

import re
from datetime import datetime
from typing import Any

import msgspec

from postil.errors import PayloadError

Json = dict[str, Any]
Node = dict[str, msgspec.Raw]
"""A pull request: what each of its fields holds, unread."""

OPEN_END = re.compile(rb'"hasNextPage"\s*:\s*true')
"""In no text that a person wrote: there a quotation mark has a backslash before it."""


class Shape(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of what is read; fields that are not named here are left out."""


class PageInfo(Shape, frozen=True, kw_only=True):
    """Whether a list goes on, and where."""

    has_next_page: bool
    end_cursor: str | None = None


class Pulls(Shape, frozen=True, kw_only=True):
    """A page of pull requests."""

    page_info: PageInfo
    nodes: tuple[Node | None, ...]


class Members(Shape, frozen=True, kw_only=True):
    """A list of anything."""

    page_info: Json
    nodes: tuple[msgspec.Raw, ...]


class LicenceInfo(Shape, frozen=True, kw_only=True):
    """What GitHub made of the repository's licence file."""

    spdx_id: str | None = None


class Repository(Shape, frozen=True, kw_only=True):
    """A repository, by the name that it has now."""

    name_with_owner: str
    license_info: LicenceInfo | None = None
    pull_requests: Pulls


class OnePull(Shape, frozen=True, kw_only=True):
    """A repository with one of its pull requests; none where it is gone."""

    name_with_owner: str
    license_info: LicenceInfo | None = None
    pull_request: Node | None = None


class FoundOne(Shape, frozen=True, kw_only=True):
    """What was asked for about one pull request."""

    repository: OnePull | None


class Found(Shape, frozen=True, kw_only=True):
    """What was asked for; no repository where there is none, or none that may be seen."""

    repository: Repository | None


def number_of(node: Node) -> int:
    """The number of the pull request."""
    return int(msgspec.json.decode(node["number"], type=int))


def time_of(node: Node, field: str) -> datetime | None:
    """When something happened to it; PayloadError where the field holds no time."""
    try:
        return msgspec.json.decode(node[field], type=datetime | None)
    except msgspec.DecodeError as error:
        raise PayloadError(f"{field}: not a time") from error


def cut_off(node: Node) -> Json:
    """The lists of a pull request that the page cut off, and its id; {} where there are none.

    Of their members only those are read in which a list was cut off again.
    """
    found: Json = {name: _opened(part) for name, part in node.items() if OPEN_END.search(part)}
    return {"id": msgspec.json.decode(node["id"]), **found} if found else {}


def _opened(part: msgspec.Raw) -> Json:
    found = msgspec.json.decode(part, type=Members)
    nodes = [msgspec.json.decode(one) if OPEN_END.search(one) else one for one in found.nodes]
    return {"pageInfo": found.page_info, "nodes": nodes}


def put_back(node: Node, fields: Json) -> None:
    """Replace these fields by what they were completed to."""
    node |= {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
