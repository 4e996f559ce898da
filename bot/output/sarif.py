"""A review -> SARIF 2.1.0, for code scanning. Pure.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; GitHub reads part of it:
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from bot.review import Reviewed
from bot.saying.comment import usable_suggestion
from bot.saying.placement import PlacedFinding
from postil import __version__
from postil.prompt import reveal

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
RULE = "postil/remark"
LINK = re.compile(r"(?<!\\)\[(?=[^\]]*\]\()")
"""The start of what SARIF takes for a link in a message (§3.11.6)."""


def render_sarif(reviewed: Reviewed, placed: Sequence[PlacedFinding]) -> str:
    """The review as one SARIF run. A remark on a removed line is on its file alone."""
    driver = {
        "name": "Postil",
        "semanticVersion": __version__,
        "rules": [
            {
                "id": RULE,
                "shortDescription": {"text": "A remark like those this team accepted before"},
                "fullDescription": {
                    "text": "Made by a model that learned from the team's accepted review comments."
                },
                "defaultConfiguration": {"level": "note"},
                "properties": {"tags": ["review"], "precision": "medium"},
            }
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "automationDetails": {"id": "postil/"},
        "properties": {"adapter": reviewed.adapter, "threshold": reviewed.threshold},
        "results": [_result(one) for one in placed],
        "invocations": [_invocation(reviewed)],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"


def _result(placed: PlacedFinding) -> dict[str, Any]:
    finding, place = placed.finding, placed.place
    span = finding.span
    text = reveal(finding.message)
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(span.path)}}
    if place.kind == "line" and place.side == "RIGHT":
        first = place.start_line or place.line
        location["region"] = {"startLine": first, "endLine": place.line}
    else:
        side = " before the change" if span.side == "LEFT" else ""
        text = f"(Line {span.end}{side}.) {text}"
    fixes = {"fixes": [_fix(placed)]} if usable_suggestion(finding, place) is not None else {}
    return fixes | {
        "ruleId": RULE,
        "ruleIndex": 0,
        "level": "note",
        "rank": round(100 * finding.score, 1),
        "message": {"text": LINK.sub(r"\\[", text)},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"postilPlace/v1": place.key or f"{span.path}:{span.end}"},
        "properties": {
            "probability": finding.score,
            "resembles": [one.url for one in finding.resembles],
        },
    }


def _fix(placed: PlacedFinding) -> dict[str, Any]:
    """The lines replaced whole: from their first column to the start of the line after them."""
    span = placed.finding.span
    region = {"startLine": span.start, "startColumn": 1, "endLine": span.end + 1, "endColumn": 1}
    text = {"text": placed.finding.suggestion}
    replacement = {"deletedRegion": region, "insertedContent": text}
    change = {"artifactLocation": {"uri": quote(span.path)}, "replacements": [replacement]}
    return {"description": {"text": "Suggested change"}, "artifactChanges": [change]}


def _invocation(reviewed: Reviewed) -> dict[str, Any]:
    """What was not read, so that nothing is left out in silence."""
    told = [
        {"level": "note", "message": {"text": LINK.sub(r"\\[", reveal(f"{path}: {why}"))}}
        for path, why in reviewed.skipped.items()
    ]
    return {"executionSuccessful": True, "toolExecutionNotifications": told}
