"""Every edge between the states of a delivery is taken once, and no other; docs draw the same ones.

Scenarios go through the real inbox, steps and queue; what they did is read from the trail that the
inbox keeps of every move. Steps that may be run again leave edges from a state to itself.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.door.delivery import Delivery, State
from bot.door.inbox import Inbox
from bot.door.schema import moves
from bot.hosts.github import GitHubPulls
from bot.work.steps import MOVED, Failure, Steps
from tests.bot.fake_pulls import DIFF, HEAD, KEY, NEXT_HEAD, REPO, small_pull
from tests.bot.server_process import wait_for
from tests.bot.stub_reviewer import StubReviewer
from tests.bot.tiny_home import ROOT
from tests.bot.work.test_jobs import ended, running
from tests.github_fake import FakeGitHub

DRAWN = re.compile(r"^\| `(\w+)` \| (.+) \|$", re.MULTILINE)
Edge = tuple[str, str]
BROKE, LASTING = Failure(text="broke"), Failure(text="not accepted", lasting=True)


@dataclass
class Bench:
    """An inbox, the steps over it, and the host."""

    inbox: Inbox
    steps: Steps
    fake: FakeGitHub
    pulls: GitHubPulls
    folder: Path

    def at(self, state: State, name: str = "d1") -> str:
        """A delivery brought to a state by the steps that lead there."""
        self.inbox.accept(
            Delivery(delivery=name, action="synchronize", repo=REPO, pull=7, head_sha=HEAD)
        )
        if state != "received":
            self.inbox.move(self.inbox.job(name), "debounced")  # as the pump does
        if state in ("drafted", "posting"):
            assert self.steps.draft(name) == HEAD
        if state in ("leased", "posting"):
            self.inbox.move(self.inbox.job(name), state)  # killed in the middle of the step
        return name

    def edges(self) -> set[Edge]:
        """All that were taken."""
        query = sa.select(moves.c.delivery, moves.c.state).order_by(moves.c.number)
        with self.inbox.database.read() as connection:
            rows = connection.execute(query).all()
        found: set[Edge] = set()
        for name in {row[0] for row in rows}:
            states = ["received", *(row[1] for row in rows if row[0] == name)]
            found |= set(pairwise(states))
        return found


@pytest.fixture
def bench(tmp_path: Path, pulls: GitHubPulls, fake: FakeGitHub) -> Iterator[Callable[[], Bench]]:
    """Makes one with nothing in it."""
    made: list[Bench] = []

    def make() -> Bench:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        inbox = Inbox(f"sqlite:///{folder / 'inbox.db'}")
        fake.add(REPO, small_pull())
        fake.faults.clear()
        reviewer = StubReviewer(KEY).reviewer()
        steps = Steps(inbox, lambda _: pulls, reviewer, KEY, mode="comment", now=lambda: 1000.0)
        made.append(Bench(inbox, steps, fake, pulls, folder))
        return made[-1]

    yield make
    for one in made:
        one.inbox.close()


def posted(bench: Bench) -> None:
    bench.at("drafted")
    assert bench.steps.post("d1", HEAD) == ""


def done_again(bench: Bench) -> None:
    bench.at("leased")
    assert bench.steps.draft("d1") == HEAD
    bench.inbox.move(bench.inbox.job("d1"), "posting")
    assert bench.steps.post("d1", HEAD) == ""


def reviewed_before(bench: Bench) -> None:
    posted(bench)
    bench.at("debounced", "d2")
    assert bench.steps.draft("d2") == ""


def shadowed(bench: Bench) -> None:
    reviewer = StubReviewer(KEY).reviewer()
    bench.steps = Steps(bench.inbox, lambda _: bench.pulls, reviewer, KEY, mode="shadow")
    bench.at("drafted")
    assert bench.steps.post("d1", HEAD) == ""


def closed(bench: Bench) -> None:
    """Before it is read, between draft and post, and while it is posted."""
    states: tuple[State, ...] = ("leased", "drafted", "posting")
    for state in states:
        bench.fake.add(REPO, small_pull())
        bench.at(state, state)
        bench.fake.pulls[REPO, 7].pull["state"] = "closed"
        again = bench.steps.draft(state) if state == "leased" else bench.steps.post(state, HEAD)
        assert again == ""


def moved_on(bench: Bench) -> None:
    bench.at("drafted")
    bench.fake.pulls[REPO, 7].push(NEXT_HEAD, DIFF)
    assert bench.steps.post("d1", HEAD) == MOVED
    assert bench.steps.draft("d1") == NEXT_HEAD


def overtaken(bench: Bench) -> None:
    bench.at("debounced")
    bench.at("received", "d2")
    assert bench.steps.draft("d1") == ""


def overtaken_in_the_queue(bench: Bench) -> None:
    """The pump finds the later one before it hands the first over."""
    bench.at("received")
    bench.at("received", "d2")
    with running(bench.inbox, bench.pulls, StubReviewer(KEY), bench.folder):
        wait_for(lambda: ended(bench.inbox))


def failing(bench: Bench) -> None:
    """In each state that a try can be in: put off, given up, and redelivered after it."""
    states: tuple[State, ...] = ("debounced", "leased", "drafted", "posting")
    for state in states:
        for tries in (1, 3):
            name = bench.at(state, f"{state}-{tries}")
            for _ in range(tries - 1):
                bench.steps.settle(name, BROKE)
                bench.at(state, name)
            bench.steps.settle(name, BROKE)
            assert bench.inbox.job(name).state == ("received" if tries == 1 else "dead")
    bench.at("received", "leased-3")


def refused(bench: Bench) -> None:
    """In each state in which the host is asked: parked, and redelivered after it."""
    states: tuple[State, ...] = ("leased", "drafted", "posting")
    for state in states:
        bench.steps.settle(bench.at(state, state), LASTING)
        assert bench.inbox.job(state).state == "parked"
    bench.at("received", "leased")


SCENARIOS = (
    *(posted, done_again, reviewed_before, shadowed, closed, moved_on),
    *(overtaken, overtaken_in_the_queue, failing, refused),
)


def drawn() -> set[Edge]:
    """The edges in the table of docs/operations.md."""
    text = (ROOT / "docs" / "operations.md").read_text()
    return {
        (state, after)
        for state, those in DRAWN.findall(text[text.index("| state | next |") :])
        for after in re.findall(r"`(\w+)`", those)
    }


def test_every_edge_that_is_drawn_is_taken_and_no_other(bench: Callable[[], Bench]) -> None:
    taken: set[Edge] = set()
    for scenario in SCENARIOS:
        here = bench()
        scenario(here)
        taken |= here.edges()
    again = {(state, after) for state, after in taken if state == after}
    assert again <= {(state, state) for state in ("leased", "drafted", "posting")}
    assert taken - again == drawn()
