"""`postil review --pr` behind its options: the draft is kept, and what goes wrong is one line."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bot.commands.pull_command import review_and_keep
from bot.door.inbox import Inbox
from bot.hosts.github import GitHubPulls
from postil.errors import HostingError
from postil.settings import ReviewSettings, Settings
from tests.bot.fake_pulls import HEAD, KEY, REPO
from tests.bot.test_reviewers import Bench
from tests.github_fake import FakeGitHub

SPEAKS = Settings(review=ReviewSettings(mode="comment"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.reader.close()


def run(
    pulls: GitHubPulls, bench: Bench, inbox: Inbox, settings: Settings = SPEAKS, number: int = 7
) -> str:
    return review_and_keep(pulls, number, bench.reader, inbox, settings, KEY)[1]


def test_a_host_that_is_down_leaves_the_draft_and_the_next_run_posts_it(
    pulls: GitHubPulls, bench: Bench, inbox: Inbox, fake: FakeGitHub
) -> None:
    fake.fail("POST", "/reviews$", status=502)
    with pytest.raises(HostingError, match="the draft is kept, the same command posts it"):
        run(pulls, bench, inbox)
    kept = inbox.draft(REPO, 7, HEAD)
    assert kept is not None and len(kept.findings) == 1 and fake.ours(REPO, 7) == []
    asked = len(bench.opened)
    bench.reader.close()
    assert run(pulls, bench, inbox) == "posted one review with 1 line comment"
    assert len(bench.opened) == asked
    assert run(pulls, bench, inbox) == "nothing posted: this head was reviewed before"
    assert len(fake.ours(REPO, 7)) == len(fake.pulls[REPO, 7].talk) == 1


def test_shadow_mode_keeps_what_it_would_have_said(
    pulls: GitHubPulls, bench: Bench, inbox: Inbox, fake: FakeGitHub
) -> None:
    assert "review.mode is shadow" in run(pulls, bench, inbox, Settings())
    assert fake.posts() == []
    (kept,) = inbox.unposted(REPO)
    assert [finding.message for finding in kept.findings] == ["Sum it elsewhere."]


def test_a_closed_pull_request_is_read_and_left_alone(
    pulls: GitHubPulls, bench: Bench, inbox: Inbox, fake: FakeGitHub
) -> None:
    fake.pulls[REPO, 7].pull["state"] = "closed"
    assert run(pulls, bench, inbox) == "nothing posted: the pull request is closed"
    assert fake.posts() == []


def test_an_unknown_pull_request_is_one_line(
    pulls: GitHubPulls, bench: Bench, inbox: Inbox
) -> None:
    with pytest.raises(HostingError, match="team/shop#99: cannot read the pull request: 404"):
        run(pulls, bench, inbox, number=99)


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"X-Accepted-GitHub-Permissions": "pull_requests=write"}, "it needs pull_requests=write"),
        ({}, "it needs pull_requests=write and contents=read"),
    ],
    ids=["as GitHub says", "as we know"],
)
def test_a_missing_permission_is_named(
    pulls: GitHubPulls,
    bench: Bench,
    inbox: Inbox,
    fake: FakeGitHub,
    headers: dict[str, str],
    says: str,
) -> None:
    body = {"message": "Resource not accessible by personal access token"}
    fake.fail("POST", "/reviews$", status=403, headers=headers, body=body)
    with pytest.raises(HostingError, match=says) as caught:
        run(pulls, bench, inbox)
    assert caught.value.lasting and "\n" not in str(caught.value)


def test_a_draft_of_another_adapter_is_not_taken(
    pulls: GitHubPulls, bench: Bench, inbox: Inbox, fake: FakeGitHub
) -> None:
    run(pulls, bench, inbox, Settings())
    bench.promote(REPO, "two")
    run(pulls, bench, inbox)
    assert [folder.name for folder in bench.opened] == ["one", "two"]
    kept = inbox.draft(REPO, 7, HEAD)
    assert kept is not None and msgspec.structs.replace(kept, adapter="one") == kept
