"""Requests checked against GitHub's own OpenAPI description.

Reads the subset in `../shared/data/github/`, or the whole description as npm's @octokit/openapi
ships it (slow tests). A body field that the description does not name is a violation, as is an
unknown query parameter: GitHub ignores both silently. Where the subset names a schema without
holding it, anything passes.
"""

import copy
import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tests.npm_package import file_of

SUBSET = Path(__file__).parents[1] / "../shared/data/github/openapi-pulls-subset.json.gz"

PACKAGE = "@octokit/openapi@23.0.2"
PACKAGE_SHA512 = (
    "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg=="
)

OUTSIDE = {("GET", "/user")}
"""Operations of GitHub that the subset leaves out; they take neither body nor parameters."""


class Description:
    """The operations of the description, ready to check requests."""

    def __init__(
        self, paths: Mapping[str, Mapping[str, Any]], components: Mapping[str, Any] | None = None
    ) -> None:
        self._components = components or {}
        self._left_out: list[re.Pattern[str]] = []
        self._operations = [
            (method.upper(), _pattern(path), operation)
            for path in sorted(paths, key=lambda path: path.count("{"))
            for method, operation in paths[path].items()
        ]

    @classmethod
    def load(cls, file: Path = SUBSET) -> "Description":
        """Read a gzipped description."""
        return cls(json.loads(gzip.decompress(file.read_bytes()))["paths"])

    @classmethod
    def load_whole(cls, cache: Path) -> "Description":
        """GitHub's whole description, fetched once into `cache`; needs npm and its registry."""
        member = "package/generated/api.github.com.json"
        document = json.loads(file_of(PACKAGE, PACKAGE_SHA512, member, cache).read_bytes())
        return cls(document["paths"], document["components"])

    def without(self, *paths: str) -> "Description":
        """One that judges no reads of such paths: the subset at hand does not describe them."""
        other = copy.copy(self)
        other._left_out = [*self._left_out, *map(re.compile, paths)]
        return other

    def violations(
        self, method: str, path: str, query: Mapping[str, str], body: bytes
    ) -> list[str]:
        """What GitHub's description does not allow in a request; empty where all is well."""
        where = f"{method} {path}"
        if (method, path) in OUTSIDE:
            return [f"{where}: takes nothing"] if query or body else []
        for verb, pattern, described in self._operations:
            if verb == method and pattern.fullmatch(path):
                asked = {key: described.get(key) for key in ("parameters", "requestBody")}
                operation = self._inlined(asked)
                found = [*_check_query(operation, query), *_check_body(operation, body)]
                return [f"{where}: {problem}" for problem in found]
        if method == "GET" and any(one.fullmatch(path) for one in self._left_out):
            return []
        return [f"{where}: no such operation"]

    def _inlined(self, part: Any) -> Any:
        """What `$ref` names put in its place; requests refer to nothing that holds itself."""
        if isinstance(part, list):
            return [self._inlined(one) for one in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            _, _, kind, name = part["$ref"].split("/")
            return self._inlined(self._components[kind][name])
        return {key: self._inlined(value) for key, value in part.items()}


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", path)
    return re.compile("".join("[^/]+" if p.startswith("{") else re.escape(p) for p in parts))


def _check_query(operation: Mapping[str, Any], query: Mapping[str, str]) -> list[str]:
    known = {
        p["name"]: p["schema"] for p in operation.get("parameters") or [] if p["in"] == "query"
    }
    problems = [f"unknown parameter {name}" for name in query if name not in known]
    for name, value in query.items():
        schema = known.get(name, {})
        if schema.get("type") == "integer" and not re.fullmatch(r"-?\d+", value):
            problems.append(f"parameter {name} is no integer")
        if "enum" in schema and value not in schema["enum"]:
            problems.append(f"parameter {name} is not one of {schema['enum']}")
    return problems


def _check_body(operation: Mapping[str, Any], body: bytes) -> list[str]:
    described = operation.get("requestBody")
    if described is None:
        return ["a body where none is described"] if body else []
    if not body:
        return ["no body"] if described.get("required") else []
    try:
        value = json.loads(body)
    except ValueError:
        return ["the body is not JSON"]
    schema = _strict(described["content"]["application/json"]["schema"])
    errors = Draft202012Validator(schema).iter_errors(value)
    return [f"{error.json_path}: {error.message[:200]}" for error in errors]


def _strict(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON schema, with unknown fields refused."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$schema_name" in schema:
        return {}
    strict = {key: _strict(part) for key, part in schema.items()}
    if isinstance(strict.get("properties"), dict) and "additionalProperties" not in strict:
        strict["additionalProperties"] = False
    if strict.pop("nullable", False) and isinstance(strict.get("type"), str):
        strict["type"] = [strict["type"], "null"]
    return strict
