"""The checker of requests refuses what GitHub's description does not know."""

import json

import pytest

from tests.openapi import SUBSET, Description

REVIEWS = "/repos/team/shop/pulls/7/reviews"
COMMENT = {"path": "a.py", "line": 3, "side": "RIGHT", "body": "x"}

pytestmark = pytest.mark.skipif(not SUBSET.exists(), reason=f"{SUBSET.name} is not here")


@pytest.fixture(scope="module")
def github() -> Description:
    return Description.load()


def test_a_good_review_is_allowed(github: Description) -> None:
    body = {"commit_id": "a" * 40, "body": "x", "event": "COMMENT", "comments": [COMMENT]}
    assert github.violations("POST", REVIEWS, {}, json.dumps(body).encode()) == []
    assert github.violations("GET", REVIEWS, {"per_page": "100", "page": "2"}, b"") == []
    assert github.violations("GET", "/user", {}, b"") == []


@pytest.mark.parametrize(
    "body",
    [
        {"body": "x", "event": "SHOUT"},
        {"body": 7},
        {"boddy": "x"},
        {"comments": [{**COMMENT, "line": "3"}]},
        {"comments": [{**COMMENT, "start": 2}]},
        {"comments": [{"path": "a.py"}]},
    ],
)
def test_a_wrong_body_is_a_violation(github: Description, body: object) -> None:
    assert github.violations("POST", REVIEWS, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("PUT", REVIEWS, {}, b""),
        ("GET", "/repos/team/shop/no", {}, b""),
        ("GET", REVIEWS, {"per_pages": "1"}, b""),
        ("GET", REVIEWS, {"page": "two"}, b""),
        ("GET", REVIEWS, {}, b"{}"),
        ("GET", "/user", {"x": "1"}, b""),
        ("POST", REVIEWS, {}, b"not json"),
        ("POST", "/repos/team/shop/check-runs", {}, b""),
        ("GET", "/repos/team/shop/pulls", {"state": "ajar"}, b""),
    ],
)
def test_a_wrong_request_is_a_violation(
    github: Description, method: str, path: str, query: dict[str, str], body: bytes
) -> None:
    assert github.violations(method, path, query, body)
