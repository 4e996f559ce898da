"""People deal with our remarks on a real Forgejo, and merge; what came of each is read right."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.door.inbox import Inbox
from bot.hosts.forgejo_access import ForgejoAccess
from bot.outcomes.book import Book
from bot.outcomes.judge import Judge
from bot.outcomes.page import render_stats
from bot.outcomes.rates import add_up
from bot.saying.posting import post_draft
from bot.work.ledger import Ledger
from postil.records import Draft, Finding, Outcome, Span
from postil.settings import MiningSettings
from tests.bot.server_process import StubProcess, wait_for
from tests.e2e.forgejo_work import (
    API,
    KEY,
    REPO,
    Work,
    click,
    is_done,
    merge,
    numbered,
    open_pulls,
    resolve,
)
from tests.e2e.test_forgejo_host import say, server, sum_up
from tests.e2e.test_forgejo_webhook import WAIT_S, door
from tests.forgejo import Forgejo

__all__ = ["door", "server"]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

APPLIED, RESOLVED, REFUSED, DISLIKED, DELETED, LEFT, ALONE = 5, 9, 13, 17, 21, 25, 29
"""Lines that we remark on, by what a person does about it."""


@pytest.fixture
def work(server: Forgejo, tmp_path: Path, request: pytest.FixtureRequest) -> Work:
    name = "".join(c for c in request.node.name if c.isalnum())[:30]
    (tmp_path / "clone").mkdir()
    return Work(server, tmp_path / "clone", name)


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with closing(Inbox(f"sqlite:///{tmp_path / 'inbox.db'}")) as inbox:
        yield inbox


def post_remarks(server: Forgejo, work: Work, inbox: Inbox) -> None:
    """One review of ours with a remark on each of the lines, as a door posts it."""
    lines = (APPLIED, RESOLVED, REFUSED, DISLIKED, DELETED, LEFT, ALONE)
    findings = tuple(
        Finding(
            span=Span(path=f"{work.branch}.py", side="RIGHT", start=line, end=line),
            message=f"Name line {line} better.",
            suggestion="berth = 5\n" if line == APPLIED else None,
            score=0.9,
        )
        for line in lines
    )
    with closing(open_pulls(server)) as pulls:
        head, diff = pulls.read_pull(work.number), pulls.read_diff(work.number)
        draft = Draft(
            repo=REPO,
            pull=work.number,
            head_sha=head.head_sha,
            adapter="0123456789abcdef",
            findings=findings,
            reviewed=(f"{work.branch}.py",),
            skipped={},
            windows=3,
        )
        inbox.save_draft(draft)
        done = post_draft(pulls, head, diff, draft, say, sum_up, KEY)
    assert done == f"posted one review with {len(lines)} line comments"
    inbox.mark_posted(REPO, work.number, head.head_sha)


def judge(server: Forgejo, inbox: Inbox, number: int, **more: MiningSettings) -> str:
    """As the server's worker does."""
    ledger = Ledger(inbox.database)
    token = server.tokens["postil"]
    with closing(ForgejoAccess(token, KEY, server.url, "postil", ledger)) as access:
        settings = more.get("settings", MiningSettings())
        return Judge(Book(inbox.database), access, KEY, settings).judge(REPO, number)


def test_what_people_did_is_read_right(server: Forgejo, work: Work, inbox: Inbox) -> None:
    server.call("mia", "PUT", f"{API}/collaborators/postil", {"permission": "admin"})
    began = datetime.now(UTC) - timedelta(seconds=5)
    work.push(numbered())
    post_remarks(server, work, inbox)
    said = {one["position"]: one for one in work.comments()}
    assert judge(server, inbox, work.number) == "the pull request is open again"

    olga_dislikes = f"{API}/issues/comments/{said[DISLIKED]['id']}/reactions"
    server.call("olga", "POST", olga_dislikes, {"content": "-1"})
    sid_dislikes = f"{API}/issues/comments/{said[LEFT]['id']}/reactions"
    server.call("sid", "POST", sid_dislikes, {"content": "-1"})
    reply = {"path": said[REFUSED]["path"], "new_position": REFUSED, "body": "No, this is wrong."}
    review = {"event": "COMMENT", "commit_id": said[REFUSED]["commit_id"], "comments": [reply]}
    server.call("olga", "POST", f"{API}/pulls/{work.number}/reviews", review)
    click(server, f"comments/{said[DELETED]['id']}/delete")
    own = {"path": said[ALONE]["path"], "new_position": 33, "body": "Please add a unit test here."}
    review = {"event": "COMMENT", "commit_id": said[ALONE]["commit_id"], "comments": [own]}
    server.call("mia", "POST", f"{API}/pulls/{work.number}/reviews", review)
    work.push(numbered(l5="berth = 5", l9="quay = 9", l33="tested = 33"))
    resolve(server, said[RESOLVED]["id"])
    answer = {"path": own["path"], "new_position": 33, "body": "Done."}
    theirs = next(one for one in work.comments() if "unit test" in one["body"])
    review = {"event": "COMMENT", "commit_id": theirs["commit_id"], "comments": [answer]}
    server.call("olga", "POST", f"{API}/pulls/{work.number}/reviews", review)
    merge(server, work.number)

    assert judge(server, inbox, work.number) == "judged: 2 of 7 remarks acted on"
    found = Book(inbox.database).outcomes(REPO)
    ours = {one.line: one for one in found if one.said_by == "postil"}
    assert {line: told(one) for line, one in ours.items()} == {
        APPLIED: ("acted on", "A", ["suggestion applied", "lines changed"], "olga"),
        RESOLVED: ("acted on", "C", ["lines changed", "resolved"], "mia"),
        REFUSED: ("refused", None, ["refused"], "olga"),
        DISLIKED: ("refused", None, ["disliked"], "olga"),
        DELETED: ("refused", None, ["deleted"], "mia"),
        LEFT: ("passed over", None, ["disliked"], "mia"),
        ALONE: ("passed over", None, [], "mia"),
    }
    assert [one.counts for one in ours[LEFT].signals] == [False]
    (theirs_judged,) = [one for one in found if one.said_by == "person"]
    assert theirs_judged.verdict == "acted on"
    times = [signal.at for one in ours.values() for signal in one.signals]
    assert all(began < at < datetime.now(UTC) + timedelta(seconds=5) for at in times)
    page = render_stats(REPO, add_up(found))
    print(page)
    assert "29% (8% to 64%; 2 of 7, 3 refused)" in page
    assert judge(server, inbox, work.number) == "judged: 2 of 7 remarks acted on"
    assert len(Book(inbox.database).outcomes(REPO)) == len(found)


def told(one: Outcome) -> tuple[str, str | None, list[str], str]:
    return one.verdict, one.tier, [signal.kind for signal in one.signals], one.decided_by


def test_the_server_judges_when_it_is_told_of_the_end(
    server: Forgejo, door: StubProcess, work: Work
) -> None:
    server.call("mia", "PUT", f"{API}/collaborators/postil", {"permission": "admin"})
    work.push(numbered(l1="import log"))
    wait_for(lambda: is_done(door), WAIT_S)
    (comment,) = work.comments()
    work.push(numbered(l1="import logging"))
    wait_for(lambda: is_done(door), WAIT_S)
    resolve(server, comment["id"])
    merge(server, work.number)
    wait_for(lambda: "judged repo=" in door.log(), WAIT_S)
    with closing(Inbox(f"sqlite:///{door.home / 'inbox.db'}")) as inbox:
        found = Book(inbox.database).outcomes(REPO)
    assert [(one.line, one.verdict, one.tier) for one in found][:1] == [(1, "acted on", "C")]
    assert "Traceback" not in door.log()
