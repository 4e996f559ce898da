"""What would have been said, beside what people said."""

from datetime import UTC, datetime

import msgspec
import pytest

from bot.shadow import render_report, watch
from postil.records import Change, Draft, Finding, PullRequest, Reply, ReviewThread, Revision, Span

HEAD = "a" * 40
WHEN = datetime(2026, 5, 1, tzinfo=UTC)
DRAFT = Draft(
    repo="team/shop",
    pull=7,
    head_sha=HEAD,
    adapter="one",
    findings=(
        Finding(
            span=Span(path="a.py", side="RIGHT", start=10, end=11), message="Log it.", score=0.8
        ),
    ),
    reviewed=("a.py",),
    skipped={},
)


def change(*threads: ReviewThread, state: str = "merged") -> Change:
    pull = PullRequest(
        repo="team/shop",
        number=7,
        title="t",
        author="ada",
        url="https://x",
        created_at=WHEN,
        state="merged",
        revisions=(Revision(number=1, sha=HEAD, base_sha="0" * 40),),
    )
    pull = msgspec.convert(msgspec.to_builtins(pull) | {"state": state}, PullRequest)
    return Change(pull=pull, threads=threads, reviews=())


def thread(
    line: int, *, path: str = "a.py", revision: str = HEAD, author: str = "rita", reply: str = ""
) -> ReviewThread:
    replies = (Reply(author="ada", author_kind="person", created_at=WHEN, body=reply),)
    return ReviewThread(
        id=str(line),
        repo="team/shop",
        pull=7,
        revision=revision,
        span=Span(path=path, side="RIGHT", start=line, end=line),
        author=author,
        author_kind="person",
        body="Please log it.",
        created_at=WHEN,
        replies=replies if reply else (),
        url=f"https://x/{line}",
    )


@pytest.mark.parametrize(
    ("found", "decision"),
    [
        (change(thread(11)), "same lines"),
        (change(thread(16)), "nearby"),
        (change(thread(17)), "same file"),
        (change(thread(10, revision="b" * 40)), "same file"),
        (change(thread(10, path="b.py")), "silence"),
        (change(thread(10, author="ada")), "silence"),
        (change(state="open"), "open"),
        (None, "not mined"),
    ],
)
def test_a_spot_is_decided_by_what_reviewers_said_there(
    found: Change | None, decision: str
) -> None:
    report = watch("team/shop", [DRAFT], {7: found} if found else {})
    assert [one.decision for one in report.watched] == [decision]


@pytest.mark.parametrize(
    ("reply", "heeded"), [("Done.", True), ("Won't fix, by design.", False), ("", None)]
)
def test_what_the_author_answered_is_told(reply: str, heeded: bool | None) -> None:
    (one,) = watch("team/shop", [DRAFT], {7: change(thread(10, reply=reply))}).watched
    assert one.heeded is heeded


def test_a_remark_made_on_several_heads_counts_once() -> None:
    later = msgspec.structs.replace(DRAFT, head_sha="b" * 40)
    report = watch("team/shop", [DRAFT, later], {7: change(thread(10))})
    assert (report.heads, len(report.watched)) == (2, 1)


def test_the_report_says_how_often_reviewers_spoke_there() -> None:
    report = watch("team/shop", [DRAFT], {7: change(thread(10, reply="Done."))})
    shown = render_report(report)
    assert shown.startswith("team/shop: 1 remarks held back on 1 heads\nsame lines 1;")
    assert "of 1 decided, reviewers spoke there on 1 (100%)" in shown
    assert "#7 a.py:11 [same lines, heeded]" in shown and "would have said (0.80): Log it." in shown
