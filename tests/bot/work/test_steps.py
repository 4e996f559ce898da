"""bot/work/steps.py: one try after the other, against the fake GitHub, without DBOS."""

from pathlib import Path
from typing import Literal

import msgspec
import pytest

from bot.door.delivery import Delivery
from bot.door.inbox import Inbox
from bot.hosts import PullHead, Pulls
from bot.hosts.github import GitHubPulls
from bot.work.steps import MOVED, Failure, Reviewer, Steps
from postil.errors import AdapterError, ConfigError
from postil.records import Draft
from postil.settings import ReviewSettings
from tests.bot.fake_pulls import DIFF, HEAD, KEY, NEXT_HEAD, REPO
from tests.bot.stub_reviewer import StubReviewer
from tests.github_fake import FakeGitHub


def head_of(head_sha: str) -> PullHead:
    """The small pull request at a head."""
    return PullHead(
        repo=REPO,
        number=7,
        head_sha=head_sha,
        base_sha="0" * 40,
        title="",
        author="ada",
        draft=False,
        state="open",
    )


def make(
    inbox: Inbox,
    pulls: GitHubPulls,
    reviewer: Reviewer,
    mode: Literal["shadow", "comment"] = "comment",
) -> Steps:
    """Steps with a clock that stands still."""
    return Steps(inbox, lambda _: pulls, reviewer, KEY, mode=mode, now=lambda: 1000.0)


@pytest.fixture
def steps(inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer) -> Steps:
    return make(inbox, pulls, stub.reviewer())


def receive(inbox: Inbox, *names: str) -> None:
    """Deliveries of the small pull request."""
    for name in names:
        inbox.accept(
            Delivery(delivery=name, action="synchronize", repo=REPO, pull=7, head_sha=HEAD)
        )


def ending(inbox: Inbox, name: str = "d1") -> tuple[str, str]:
    """State and detail of a delivery."""
    job = inbox.job(name)
    return job.state, job.detail


def test_a_delivery_becomes_a_draft_and_then_one_review(
    inbox: Inbox, steps: Steps, fake: FakeGitHub
) -> None:
    receive(inbox, "d1")
    assert steps.draft("d1") == HEAD
    assert ending(inbox) == ("drafted", "")
    assert inbox.draft(REPO, 7, HEAD) is not None
    assert fake.posts() == []
    assert steps.post("d1", HEAD) == ""
    assert ending(inbox) == ("posted", "posted one review with 1 line comment")
    (comment,) = fake.pulls[REPO, 7].comments
    assert (comment["path"], comment["line"], comment["side"]) == ("shop/cart.py", 11, "RIGHT")


def test_every_step_may_be_run_again(
    inbox: Inbox, steps: Steps, fake: FakeGitHub, stub: StubReviewer
) -> None:
    receive(inbox, "d1")
    assert steps.draft("d1") == steps.draft("d1") == HEAD
    for _ in range(3):
        steps.post("d1", HEAD)
    assert len(stub.asked) == 1
    assert len(fake.ours(REPO, 7)) == 1


def test_another_delivery_of_the_same_head_changes_nothing(
    inbox: Inbox, steps: Steps, fake: FakeGitHub, stub: StubReviewer
) -> None:
    receive(inbox, "d1")
    steps.draft("d1")
    steps.post("d1", HEAD)
    receive(inbox, "d2")
    assert steps.draft("d2") == ""
    assert ending(inbox, "d2") == ("posted", "this head was reviewed before")
    assert (len(stub.asked), len(fake.posts())) == (1, 1)


def test_a_later_delivery_that_waits_takes_over(
    inbox: Inbox, steps: Steps, stub: StubReviewer
) -> None:
    receive(inbox, "d1", "d2")
    assert steps.draft("d1") == ""
    assert ending(inbox)[0] == "superseded"
    assert steps.draft("d2") == HEAD
    assert len(stub.asked) == 1


def test_a_draft_of_a_head_that_moved_on_is_not_posted(
    inbox: Inbox, steps: Steps, fake: FakeGitHub
) -> None:
    receive(inbox, "d1")
    steps.draft("d1")
    fake.pulls[REPO, 7].push(NEXT_HEAD, DIFF)
    assert steps.post("d1", HEAD) == MOVED
    receive(inbox, "d2")
    assert steps.post("d1", HEAD) == ""
    assert ending(inbox) == ("superseded", "the head moved on")
    assert fake.posts() == []


def test_the_diff_that_is_read_belongs_to_the_head(
    inbox: Inbox, pulls: GitHubPulls, fake: FakeGitHub, stub: StubReviewer
) -> None:
    class Pushed(GitHubPulls):
        def read_diff(self, number: int) -> str:
            if fake.pulls[REPO, 7].pull["head"]["sha"] == HEAD:
                fake.pulls[REPO, 7].push(NEXT_HEAD, DIFF)
            return pulls.read_diff(number)

        def read_pull(self, number: int) -> PullHead:
            return pulls.read_pull(number)

    pushed = Pushed(REPO, "unused", KEY)
    steps = make(inbox, pushed, stub.reviewer())
    receive(inbox, "d1")
    assert steps.draft("d1") == NEXT_HEAD
    assert [head.head_sha for head in stub.asked] == [NEXT_HEAD]
    pushed.close()


def test_a_head_that_keeps_moving_is_put_off(
    inbox: Inbox, pulls: GitHubPulls, fake: FakeGitHub, stub: StubReviewer
) -> None:
    class Restless(GitHubPulls):
        count = 0

        def read_diff(self, number: int) -> str:
            return DIFF

        def read_pull(self, number: int) -> PullHead:
            self.count += 1
            return head_of(f"{self.count:040d}")

    restless = Restless(REPO, "unused", KEY)
    steps = make(inbox, restless, stub.reviewer())
    receive(inbox, "d1")
    failure = steps.draft("d1")
    assert isinstance(failure, Failure)
    assert (failure.text, failure.retry_after_s) == ("the head keeps moving", 30.0)
    assert stub.asked == []
    restless.close()


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"state": "closed"}, "the pull request is closed"),
        ({"draft": True}, "the pull request is a draft"),
    ],
)
def test_what_nobody_wants_reviewed_now_is_left_alone(
    inbox: Inbox,
    steps: Steps,
    fake: FakeGitHub,
    stub: StubReviewer,
    field: dict[str, object],
    says: str,
) -> None:
    receive(inbox, "d1", "d2")
    inbox.move(inbox.job("d1"), "leased")
    assert steps.draft("d2") == HEAD
    fake.pulls[REPO, 7].pull.update(field)
    assert steps.draft("d1") == ""
    assert steps.post("d2", HEAD) == ""
    assert ending(inbox, "d1") == ending(inbox, "d2") == ("superseded", says)
    assert fake.posts() == []


def test_shadow_mode_keeps_the_draft_and_posts_nothing(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub
) -> None:
    steps = make(inbox, pulls, stub.reviewer(), mode="shadow")
    receive(inbox, "d1")
    steps.draft("d1")
    steps.post("d1", HEAD)
    assert ending(inbox) == ("posted", "shadow: 1 findings, none posted")
    assert fake.posts() == []
    assert inbox.draft(REPO, 7, HEAD) is not None


def test_an_adapter_that_may_not_speak_posts_nothing_whatever_the_settings(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub
) -> None:
    thinks = stub.reviewer()

    def watched(head: PullHead, diff: str) -> Draft:
        return msgspec.structs.replace(thinks.review(head, diff), shadow=True)

    steps = make(inbox, pulls, Reviewer(review=watched, say=thinks.say), mode="comment")
    receive(inbox, "d1")
    steps.draft("d1")
    steps.post("d1", HEAD)
    assert ending(inbox) == ("posted", "shadow: 1 findings, none posted")
    assert fake.posts() == []


def test_nothing_to_say_is_said_by_silence(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub
) -> None:
    quiet = Reviewer(review=stub.reviewer().review, say=lambda *_: None)
    steps = make(inbox, pulls, quiet)
    receive(inbox, "d1")
    steps.draft("d1")
    steps.post("d1", HEAD)
    assert ending(inbox) == ("posted", "nothing new to say")
    assert fake.posts() == []


def test_a_review_that_stands_on_the_host_is_found_though_we_forgot_it(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub, tmp_path: Path
) -> None:
    receive(inbox, "d1")
    first = make(inbox, pulls, stub.reviewer())
    first.draft("d1")
    first.post("d1", HEAD)
    forgetful = Inbox(f"sqlite:///{tmp_path / 'new.db'}")
    receive(forgetful, "d1")
    second = make(forgetful, pulls, stub.reviewer())
    second.draft("d1")
    second.post("d1", HEAD)
    assert ending(forgetful) == ("posted", "the review stood there already")
    assert len(fake.ours(REPO, 7)) == 1
    forgetful.close()


def test_a_lost_draft_is_a_failure_and_no_crash(inbox: Inbox, steps: Steps) -> None:
    receive(inbox, "d1")
    failure = steps.post("d1", HEAD)
    assert isinstance(failure, Failure)
    assert "draft" in failure.text


@pytest.mark.parametrize(
    ("error", "lasting"),
    [
        (ZeroDivisionError("1/0"), False),
        (AdapterError("not what its card says"), True),
    ],
)
def test_whatever_a_reviewer_does_becomes_a_failure_that_can_be_read(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, error: Exception, lasting: bool
) -> None:
    def broken(head: PullHead, diff: str) -> Draft:
        raise error

    steps = make(inbox, pulls, Reviewer(review=broken, say=stub.reviewer().say))
    receive(inbox, "d1")
    failure = steps.draft("d1")
    assert isinstance(failure, Failure)
    assert failure.lasting == lasting
    assert str(error) in failure.text


def test_a_host_that_fails_becomes_a_failure_with_its_wait(
    inbox: Inbox, steps: Steps, fake: FakeGitHub
) -> None:
    receive(inbox, "d1")
    fake.fail("GET", "/pulls/7$", status=403, headers={"Retry-After": "73"})
    failure = steps.draft("d1")
    assert isinstance(failure, Failure)
    assert (failure.retry_after_s, failure.lasting) == (73.0, False)


def test_three_failures_are_the_end(inbox: Inbox, steps: Steps) -> None:
    receive(inbox, "d1")
    seen = []
    for _ in range(3):
        steps.settle("d1", Failure(text="broke"))
        job = inbox.job("d1")
        seen.append((job.state, job.tries, job.round, job.not_before))
    assert seen == [
        ("received", 1, 1, 1020.0),
        ("received", 2, 2, 1060.0),
        ("dead", 3, 2, 1060.0),
    ]


def test_a_limit_costs_no_try_but_does_not_go_on_for_ever(inbox: Inbox, steps: Steps) -> None:
    receive(inbox, "d1")
    limited = Failure(text="limited", retry_after_s=73.0)
    steps.settle("d1", limited)
    job = inbox.job("d1")
    assert (job.state, job.tries, job.waits, job.not_before) == ("received", 0, 1, 1073.0)
    for _ in range(24):
        steps.settle("d1", limited)
    assert inbox.job("d1").state == "dead"


def test_what_a_person_must_mend_is_parked(inbox: Inbox, steps: Steps) -> None:
    receive(inbox, "d1")
    steps.settle("d1", Failure(text="the token is not accepted", lasting=True))
    assert ending(inbox) == ("parked", "the token is not accepted")


def test_a_repository_in_shadow_by_its_base_is_not_posted_to(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer, fake: FakeGitHub
) -> None:
    def in_shadow(_: Pulls, head: PullHead) -> PullHead:
        return msgspec.structs.replace(head, settings=ReviewSettings(mode="shadow"))

    reviewer = stub.reviewer()
    steps = Steps(inbox, lambda _: pulls, reviewer, KEY, mode="comment", settle_on=in_shadow)
    receive(inbox, "d1")
    assert steps.draft("d1") == HEAD and steps.post("d1", HEAD) == ""
    assert ending(inbox) == ("posted", "shadow: 1 findings, none posted")
    assert fake.posts() == []


def test_settings_of_the_base_that_are_wrong_park_the_job_with_their_mistake(
    inbox: Inbox, pulls: GitHubPulls, stub: StubReviewer
) -> None:
    def wrong(_: Pulls, head: PullHead) -> PullHead:
        raise ConfigError("postil.toml at the base commit: unknown key mod")

    steps = Steps(inbox, lambda _: pulls, stub.reviewer(), KEY, mode="comment", settle_on=wrong)
    receive(inbox, "d1")
    failure = steps.draft("d1")
    assert isinstance(failure, Failure) and failure.lasting
    steps.settle("d1", failure)
    assert ending(inbox) == ("parked", "postil.toml at the base commit: unknown key mod")
