"""Short ways to make outcomes and closed pull requests."""

from datetime import datetime
from typing import Any

from bot.outcomes.judging import Scene, Signed
from mining.acceptance import Evidence
from postil.marker import Marker, words_key
from postil.records import Change, Draft, Finding, Outcome, ReviewThread, Revision, Span
from tests.mining.builders import day, make_change, make_pull, make_thread

HEAD, LAST = "a" * 40, "b" * 40
WRITERS = frozenset({"author", "ann", "mia"})
MESSAGE = "Please rename this variable."


def make_outcome(number: int = 1, **more: Any) -> Outcome:
    """One of ours that was passed over, in a pull request of its own."""
    values: dict[str, Any] = {
        "repo": "o/r",
        "pull": number,
        "key": str(number),
        "said_by": "postil",
        "adapter": "one",
        "head_sha": HEAD,
        "path": "a.py",
        "line": 5,
        "category": "naming",
        "score": 0.8,
        "said_at": day(number),
        "closed_at": day(number + 0.5),
        "verdict": "passed over",
        "decided_by": f"person-{number % 4}",
    }
    return Outcome(**(values | more))


def ours(line: int = 5, **more: Any) -> Signed:
    """A comment of ours."""
    thread = make_thread(
        HEAD, line, **{"author": "postil", "author_kind": "bot", "body": MESSAGE, **more}
    )
    marker = Marker(
        place=f"place-{line}",
        fingerprint="f",
        head_sha=HEAD,
        adapter="one",
        text="t",
        rows=1,
        words=words_key(MESSAGE),
    )
    return Signed(thread=thread, marker=marker)


def closed(*threads: ReviewThread, **more: Any) -> Change:
    """A pull request of two revisions that mia merged."""
    revisions = (
        Revision(number=1, sha=HEAD, base_sha="0" * 40, pushed_at=day(1)),
        Revision(number=2, sha=LAST, base_sha="0" * 40, pushed_at=day(1.5)),
    )
    change = make_change(make_pull(1, revisions, **more), *threads)
    return Change(pull=change.pull, threads=threads, reviews=(), merged_by="mia")


def scene(change: Change, evidence: Evidence | None = None, **more: Any) -> Scene:
    """What is known of it; the same evidence for every thread."""
    values: dict[str, Any] = {
        "change": change,
        "account": "postil",
        "evidence": lambda _: evidence or Evidence(),
        "may_write": lambda login: login in WRITERS,
        "seen_at": day(3),
    }
    return Scene(**(values | more))


def draft(*messages: str, at: datetime | None = None, **more: Any) -> Draft:
    """What the model said of HEAD."""
    findings = tuple(
        Finding(span=Span(path="a.py", side="RIGHT", start=5 + n, end=5 + n), message=m, score=0.7)
        for n, m in enumerate(messages)
    )
    values: dict[str, Any] = {
        "repo": "o/r",
        "pull": 1,
        "head_sha": HEAD,
        "adapter": "one",
        "findings": findings,
        "reviewed": ("a.py",),
        "skipped": {},
        "windows": 10,
    }
    return Draft(**(values | more))
