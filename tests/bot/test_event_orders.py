"""Events that come in any order, while the pull request goes its own way: the latest head wins.

What truly happens is opened, pushed, pushed, closed, reopened. Deliveries of it arrive in every
order, and the host is at any point of it when they are worked on.
"""

import itertools
import json
import random

import pytest

from bot.door.delivery import OPEN_STATES, Delivery
from bot.door.events import read_event
from bot.door.inbox import Inbox
from bot.hosts.github import GitHubPulls
from bot.work.steps import MOVED, Failure, Steps
from tests.bot.fake_pulls import DIFF, KEY, REPO, small_pull
from tests.bot.stub_reviewer import StubReviewer
from tests.github_fake import FakeGitHub

HEADS = ("a" * 40, "b" * 40, "c" * 40)
STORY = (
    ("opened", HEADS[0]),
    ("synchronize", HEADS[1]),
    ("synchronize", HEADS[2]),
    ("closed", HEADS[2]),
    ("reopened", HEADS[2]),
)


@pytest.fixture
def steps(inbox: Inbox, pulls: GitHubPulls) -> Steps:
    return Steps(inbox, lambda _: pulls, StubReviewer(KEY).reviewer(), KEY, mode="comment")


def happen(fake: FakeGitHub, number: int, step: int) -> None:
    """The pull request takes a step of its story."""
    action, head = STORY[step]
    pull = fake.pulls[REPO, number]
    if pull.pull["head"]["sha"] != head:
        pull.push(head, DIFF)
    pull.pull["state"] = "closed" if action == "closed" else "open"


def arrive(inbox: Inbox, number: int, step: int) -> None:
    """The delivery of a step comes in, by what the door makes of it."""
    action, head = STORY[step]
    event = {
        "action": action,
        "number": number,
        "pull_request": {"head": {"sha": head}},
        "repository": {"full_name": REPO},
    }
    body = json.dumps(event).encode()
    found = read_event("pull_request", f"p{number}-{step}", body, "")
    if isinstance(found, Delivery):
        inbox.accept(found)


def work(inbox: Inbox, steps: Steps) -> None:
    """Do all that waits, as the queue would: in the order of arrival."""
    for job in inbox.due():
        for _ in range(3):
            head = steps.draft(job.delivery)
            assert not isinstance(head, Failure)
            if not head or steps.post(job.delivery, head) != MOVED:
                break


def check(inbox: Inbox, fake: FakeGitHub, number: int) -> None:
    """One review of the last head, none twice, nothing left open."""
    heads = [review["commit_id"] for review in fake.ours(REPO, number)]
    assert heads.count(HEADS[2]) == 1
    assert len(heads) == len(set(heads))
    assert not set(inbox.count()) & set(OPEN_STATES)


@pytest.mark.parametrize("wait", [True, False], ids=["worked on at the end", "worked on at once"])
@pytest.mark.parametrize("one_in", [17, pytest.param(1, marks=pytest.mark.slow)])
def test_in_every_order_of_arrival_the_last_head_is_reviewed_once(
    inbox: Inbox, steps: Steps, fake: FakeGitHub, one_in: int, wait: bool
) -> None:
    orders = list(itertools.permutations(range(len(STORY))))[::one_in]
    assert len(orders) in (120, 8)
    for number, order in enumerate(orders, 1000):
        fake.add(REPO, small_pull(number, HEADS[0]))
        for step in range(len(STORY)):
            happen(fake, number, step)
        for step in order:
            arrive(inbox, number, step)
            if not wait:
                work(inbox, steps)
        work(inbox, steps)
        check(inbox, fake, number)
        assert {review["commit_id"] for review in fake.ours(REPO, number)} == {HEADS[2]}


@pytest.mark.parametrize("stories", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_while_the_host_moves_on_nothing_stale_is_posted(
    inbox: Inbox, steps: Steps, fake: FakeGitHub, stories: int
) -> None:
    chance = random.Random(7)
    posted_late: list[str] = []
    for number in range(2000, 2000 + stories):
        pull = fake.add(REPO, small_pull(number, HEADS[0]))
        orders = [list(range(len(STORY))) for _ in "ab"]
        chance.shuffle(orders[1])
        happened, left = 0, orders[1]
        while left or happened < len(STORY):
            ready = [step for step in left if step < happened]
            if happened < len(STORY) and (not ready or chance.random() < 0.5):
                happen(fake, number, happened)
                happened += 1
            else:
                left.remove(ready[0])
                arrive(inbox, number, ready[0])
            before = len(pull.reviews)
            work(inbox, steps)
            state, head = pull.pull["state"], pull.pull["head"]["sha"]
            new = pull.reviews[before:]
            posted_late += [
                r["commit_id"] for r in new if state != "open" or r["commit_id"] != head
            ]
        check(inbox, fake, number)
    assert posted_late == []
