"""A review as SARIF: the places that code scanning needs, and no links of strangers."""

import json

import msgspec

from bot.output.sarif import render_sarif
from bot.saying.placement import place_all
from postil.diff import parse_diff
from postil.records import Finding, Resemblance, Span
from tests.bot.fake_pulls import DIFF
from tests.bot.output.test_render import REVIEWED

FILES = parse_diff(DIFF)


def results(*findings: Finding) -> list[dict[str, object]]:
    """The results of the only run."""
    text = render_sarif(REVIEWED, place_all(findings, FILES, "team/shop", 7))
    (run,) = json.loads(text)["runs"]
    return list(run["results"])


def finding(side: str = "RIGHT", start: int = 11, end: int = 12, message: str = "Why?") -> Finding:
    span = msgspec.convert({"path": "shop/cart.py", "side": side, "start": start, "end": end}, Span)
    past = Resemblance(url="https://github.com/team/shop/pull/3#discussion_r9", similarity=0.5)
    return Finding(span=span, message=message, score=0.876, resembles=(past,))


def test_a_remark_has_its_lines_rank_and_fingerprint() -> None:
    (one,) = results(finding())
    assert one["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "shop/cart.py"},
                "region": {"startLine": 11, "endLine": 12},
            }
        }
    ]
    assert one["rank"] == 87.6 and one["level"] == "note" and one["message"] == {"text": "Why?"}
    (again,) = results(finding(message="Why not?"))
    assert again["partialFingerprints"] == one["partialFingerprints"]


def test_a_removed_line_is_named_in_words() -> None:
    (one,) = results(finding(side="LEFT", start=11, end=11))
    assert "region" not in str(one["locations"])
    assert one["message"] == {"text": "(Line 11 before the change.) Why?"}


def test_no_message_makes_a_link() -> None:
    (one,) = results(finding(message="see [here](https://evil.example), a[0] \x1b[2J"))
    text = str(one["message"]["text"])  # type: ignore[index]
    assert "\\[here](" in text and "a[0]" in text and "\x1b" not in text
