"""A closed pull request becomes a judgement: told by the host, or found by the sweep."""

from collections.abc import Iterator
from typing import Any

from bot.door.delivery import Delivery
from bot.door.events import read_event
from bot.door.inbox import Inbox
from bot.hosts.sign_in import Personal, SignIn
from bot.outcomes.book import Book
from bot.work.steps import Failure, Steps
from bot.work.sweep import Sweep
from postil.errors import HostingError
from postil.records import Draft
from tests.bot.fake_pulls import KEY, REPO
from tests.bot.stub_reviewer import StubReviewer

CLOSED_AT = "2026-11-20T12:00:00Z"


class Told:
    """A host of which nothing but the closed pull requests is asked."""

    def __init__(self, *pulls: dict[str, Any]) -> None:
        self.pulls = list(pulls)
        self.sign_in: SignIn = Personal("x")

    def open_pulls(self, repo: str) -> Iterator[dict[str, Any]]:
        return iter(())

    def closed_pulls(self, repo: str) -> Iterator[dict[str, Any]]:
        yield from self.pulls


def closed_pull(number: int, updated: str = "2099-01-01T00:00:00Z") -> dict[str, Any]:
    head = {"sha": f"{number:040x}"}
    return {"number": number, "updated_at": updated, "closed_at": CLOSED_AT, "head": head}


def save(inbox: Inbox, number: int) -> None:
    blank: dict[str, Any] = {"findings": (), "reviewed": (), "skipped": {}}
    inbox.save_draft(
        Draft(repo=REPO, pull=number, head_sha=f"{number:040x}", adapter="one", **blank)
    )


def test_a_closed_event_is_taken_in() -> None:
    body = (
        b'{"action": "closed", "number": 7, "pull_request": {"head": {"sha": "%s"}},'
        b' "repository": {"full_name": "team/shop"}}' % (b"a" * 40)
    )
    found = read_event("pull_request", "d1", body, "")
    assert isinstance(found, Delivery)
    assert (found.action, found.pull) == ("closed", 7)


def test_a_closing_is_judged_and_asks_no_model(inbox: Inbox) -> None:
    asked: list[tuple[str, int]] = []
    stub = StubReviewer(KEY)

    def judge(repo: str, number: int) -> str:
        asked.append((repo, number))
        return "judged: 1 of 2 remarks acted on"

    steps = Steps(inbox, _no_pulls, stub.reviewer(), KEY, mode="comment", judge=judge)
    receive(inbox)
    assert steps.draft("d1") == ""
    assert inbox.job("d1").detail == "judged: 1 of 2 remarks acted on"
    assert inbox.job("d1").state == "posted"
    assert (asked, stub.asked) == ([(REPO, 7)], [])


def test_a_host_that_is_down_puts_a_judgement_off(inbox: Inbox) -> None:
    def judge(_repo: str, _number: int) -> str:
        raise HostingError("unreachable", retry_after_s=60)

    steps = Steps(
        *(inbox, _no_pulls, StubReviewer(KEY).reviewer(), KEY), mode="comment", judge=judge
    )
    receive(inbox)
    failed = steps.draft("d1")
    assert isinstance(failed, Failure)
    steps.settle("d1", failed)
    assert inbox.job("d1").state == "received"


def test_a_closing_and_a_review_do_not_take_each_others_place(inbox: Inbox) -> None:
    """Deliveries come in any order: a late closing stops no review, a late push no judgement."""
    for name, action in (("d1", "synchronize"), ("d2", "closed"), ("d3", "synchronize")):
        inbox.accept(Delivery(delivery=name, action=action, repo=REPO, pull=7, head_sha="a" * 40))
    steps = Steps(
        *(inbox, _no_pulls, StubReviewer(KEY).reviewer(), KEY),
        mode="comment",
        judge=lambda *_: "judged",
    )
    steps.draft("d1")
    steps.draft("d2")
    assert [inbox.job(name).state for name in ("d1", "d2")] == ["superseded", "posted"]
    assert not inbox.later_waits(inbox.job("d3"))
    inbox.accept(Delivery(delivery="d4", action="closed", repo=REPO, pull=7, head_sha="a" * 40))
    assert not inbox.later_waits(inbox.job("d3"))


def test_the_sweep_finds_what_was_closed_and_never_judged(inbox: Inbox) -> None:
    for number in (1, 2, 3):
        save(inbox, number)
    Book(inbox.database).put(REPO, 2, 0.0, [])
    told = Told(closed_pull(1), closed_pull(2), closed_pull(4), closed_pull(3, "2001-01-01T00:00Z"))
    sweep = Sweep(told, inbox, "")
    assert sweep.run() == 2
    jobs = {job.pull: job for job in inbox.due()}
    assert {number: job.action for number, job in jobs.items()} == {1: "closed", 2: "closed"}
    assert sweep.run() == 0


def test_the_sweep_begins_a_judgement_anew_that_had_been_given_up(inbox: Inbox) -> None:
    save(inbox, 1)
    sweep = Sweep(Told(closed_pull(1)), inbox, "")
    sweep.run()
    (job,) = inbox.due()
    inbox.move(job, "dead", "unreachable")
    assert sweep.run() == 1
    assert inbox.job(job.delivery).state == "received"


def receive(inbox: Inbox) -> None:
    inbox.accept(Delivery(delivery="d1", action="closed", repo=REPO, pull=7, head_sha="a" * 40))


def _no_pulls(_repo: str) -> Any:
    raise AssertionError("nothing is reviewed")
