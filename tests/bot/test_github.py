"""bot/hosts/github.py against the fake GitHub, over real HTTP."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.hosts import LineComment, PullHead, review_marker
from bot.hosts.github import GitHubPulls
from postil.diff import parse_diff
from postil.errors import HostingError, PayloadError
from postil.marker import render_marker
from tests.bot.fake_pulls import HEAD, KEY, REPO, load_real, open_pulls, small_pull
from tests.github_fake import ACCOUNT, TOKEN, FakeGitHub, Served
from tests.github_repository import FakeRepository
from tests.github_rules import lines_of
from tests.tiny_git import TinyGit

LINE = LineComment(path="shop/cart.py", side="RIGHT", line=11, body="Why a name?")
OLD_LINE = LineComment(path="shop/cart.py", side="LEFT", line=11, body="This was fine.")
NOWHERE = LineComment(path="shop/cart.py", side="RIGHT", line=400, body="Off the diff.")


@pytest.fixture
def waits() -> list[float]:
    """The waits that a door would have slept."""
    return []


@pytest.fixture
def waiting(served: Served, waits: list[float]) -> Iterator[GitHubPulls]:
    """A door whose waits are noted."""
    pulls = open_pulls(served, waits=waits)
    yield pulls
    pulls.close()


def body_for(head: PullHead, text: str = "One remark.") -> str:
    """A review's body with the marker of that head."""
    return f"{text}\n\n{render_marker(review_marker(head, 'adapter'), KEY)}"


def post(pulls: GitHubPulls, *comments: LineComment, text: str = "One remark.") -> None:
    """Post one review on the small pull request."""
    pulls.post_review(7, HEAD, body_for(pulls.read_pull(7), text), comments)


def test_a_pull_request_is_read_as_it_stands(pulls: GitHubPulls) -> None:
    head = pulls.read_pull(7)
    assert (head.repo, head.number, head.head_sha, head.base_sha) == (REPO, 7, HEAD, "0" * 40)
    assert (head.title, head.author, head.draft, head.state) == (
        "Name the prices",
        "ada",
        False,
        "open",
    )


def test_the_diff_comes_whole(fake: FakeGitHub, pulls: GitHubPulls) -> None:
    fake.pulls[REPO, 7].diff += "+ä ſ 漢\n"
    assert pulls.read_diff(7) == fake.pulls[REPO, 7].diff


def test_a_pull_request_of_a_deleted_account_has_no_author(
    fake: FakeGitHub, pulls: GitHubPulls
) -> None:
    fake.pulls[REPO, 7].pull["user"] = None
    assert pulls.read_pull(7).author == ""


def test_one_review_carries_all_line_comments_in_one_request(
    fake: FakeGitHub, pulls: GitHubPulls
) -> None:
    spanning = LineComment(path="shop/cart.py", side="RIGHT", start_line=11, line=12, body="Both.")
    post(pulls, LINE, OLD_LINE, spanning)
    (sent,) = fake.posts()
    assert sent.body["event"] == "COMMENT"
    assert sent.body["commit_id"] == HEAD
    assert [set(comment) for comment in sent.body["comments"]] == [
        {"path", "body", "line", "side"},
        {"path", "body", "line", "side"},
        {"path", "body", "line", "side", "start_line", "start_side"},
    ]
    assert len(fake.pulls[REPO, 7].comments) == 3


def test_our_comments_are_known_again_in_line_comments_and_in_bodies(
    fake: FakeGitHub, pulls: GitHubPulls
) -> None:
    head = pulls.read_pull(7)
    marked = LineComment(path=LINE.path, side="RIGHT", line=11, body=body_for(head, "Marked."))
    post(pulls, marked, OLD_LINE)
    assert {comment.place for comment in pulls.our_comments(7)} == {
        review_marker(head, "adapter").place
    }
    assert len(pulls.our_comments(7)) == 2


def test_a_marker_counts_only_on_our_own_account_and_with_our_key(
    fake: FakeGitHub, served: Served, pulls: GitHubPulls
) -> None:
    post(pulls)
    (ours,) = fake.ours(REPO, 7)
    quoted = {**ours, "user": {"login": "mallory"}}
    forged = {**ours, "body": ours["body"].replace("postil:1 e", "postil:1 f")}
    ghost = {**ours, "user": None}
    fake.pulls[REPO, 7].reviews = [quoted, forged, ghost]
    assert pulls.our_comments(7) == []


def test_every_page_of_comments_is_read(fake: FakeGitHub, pulls: GitHubPulls) -> None:
    post(pulls)
    (ours,) = fake.ours(REPO, 7)
    noise = {**ours, "user": {"login": "ada"}, "body": "hm"}
    fake.pulls[REPO, 7].reviews = [*[noise] * 250, ours]
    assert len(pulls.our_comments(7)) == 1


def test_the_same_review_is_not_posted_twice(fake: FakeGitHub, pulls: GitHubPulls) -> None:
    post(pulls, LINE)
    post(pulls, LINE)
    assert len(fake.posts()) == 1


def test_a_review_without_a_marker_is_never_posted(fake: FakeGitHub, pulls: GitHubPulls) -> None:
    with pytest.raises(PayloadError, match="marker"):
        pulls.post_review(7, HEAD, "hello", [LINE])
    assert fake.posts() == []


def test_a_refused_line_moves_every_comment_into_the_body(
    fake: FakeGitHub, pulls: GitHubPulls
) -> None:
    post(pulls, LINE, NOWHERE)
    assert [len(sent.body["comments"]) for sent in fake.posts()] == [2, 0]
    (review,) = fake.ours(REPO, 7)
    for said in ("One remark.", "Why a name?", "Off the diff.", "`shop/cart.py` line 400"):
        assert said in review["body"]
    assert len(pulls.our_comments(7)) == 1
    assert fake.pulls[REPO, 7].comments == []


def test_a_body_that_is_too_long_is_cut_and_keeps_its_marker(
    fake: FakeGitHub, pulls: GitHubPulls
) -> None:
    post(pulls, text="x" * 70_000)
    (review,) = fake.ours(REPO, 7)
    assert len(review["body"]) <= 65_536
    assert len(pulls.our_comments(7)) == 1


@pytest.mark.parametrize(
    "how", [{"status": 500}, {"status": 502}, {"reset": True}], ids=["500", "502", "reset"]
)
def test_a_post_that_was_applied_and_then_failed_is_found_and_not_repeated(
    fake: FakeGitHub, pulls: GitHubPulls, how: dict[str, object]
) -> None:
    fake.fail("POST", "/reviews$", applied=True, **how)
    post(pulls, LINE)
    assert len(fake.posts()) == 1
    assert len(fake.ours(REPO, 7)) == 1


def test_an_answer_that_never_comes_is_searched_for(fake: FakeGitHub, served: Served) -> None:
    pulls = GitHubPulls(REPO, TOKEN, KEY, base_url=served.url, timeout_s=1, pauses=(0, 0))
    release = threading.Event()
    fake.fail("POST", "/reviews$", applied=True, release=release, status=200)
    post(pulls, LINE)
    release.set()
    pulls.close()
    assert len(fake.posts()) == 1
    assert len(fake.ours(REPO, 7)) == 1


@pytest.mark.parametrize(
    "how", [{"status": 500}, {"status": 502}, {"reset": True}], ids=["500", "502", "reset"]
)
def test_a_post_that_failed_is_sent_once_and_reported(
    fake: FakeGitHub, pulls: GitHubPulls, how: dict[str, object]
) -> None:
    fake.fail("POST", "/reviews$", **how)
    with pytest.raises(HostingError, match=r"team/shop#7: cannot post the review") as caught:
        post(pulls, LINE)
    assert len(fake.posts()) == 1
    assert not caught.value.lasting


def test_a_fold_that_was_applied_and_then_failed_is_found(
    fake: FakeGitHub, pulls: GitHubPulls
) -> None:
    fake.fail("POST", "/reviews$", status=422)
    fake.fail("POST", "/reviews$", status=500, applied=True)
    post(pulls, LINE)
    assert len(fake.posts()) == 2
    assert len(fake.ours(REPO, 7)) == 1


def test_a_fold_that_is_refused_too_is_reported(fake: FakeGitHub, pulls: GitHubPulls) -> None:
    fake.fail("POST", "/reviews$", status=422, times=2)
    with pytest.raises(HostingError, match="422") as caught:
        post(pulls, LINE)
    assert caught.value.lasting
    assert len(fake.posts()) == 2


@pytest.mark.parametrize("status", [403, 429])
def test_a_limited_post_is_not_slept_on_but_told_with_its_wait(
    fake: FakeGitHub, waiting: GitHubPulls, waits: list[float], status: int
) -> None:
    fake.fail("POST", "/reviews$", status=status, headers={"Retry-After": "73"})
    with pytest.raises(HostingError) as caught:
        post(waiting, LINE)
    assert (caught.value.retry_after_s, waits, len(fake.posts())) == (73.0, [], 1)


def test_reads_are_repeated_four_times_with_growing_waits(
    fake: FakeGitHub, waiting: GitHubPulls, waits: list[float]
) -> None:
    fake.fail("GET", "/pulls/7$", status=502, times=4)
    assert waiting.read_pull(7).head_sha == HEAD
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_a_read_that_keeps_failing_is_reported_after_five_requests(
    fake: FakeGitHub, waiting: GitHubPulls
) -> None:
    fake.fail("GET", "/pulls/7$", reset=True, times=9)
    with pytest.raises(HostingError, match="ConnectionError"):
        waiting.read_pull(7)
    assert len(fake.requests) == 5


def test_a_short_limit_of_a_read_is_waited_for(
    fake: FakeGitHub, waiting: GitHubPulls, waits: list[float]
) -> None:
    fake.fail("GET", "/pulls/7$", status=429, headers={"Retry-After": "3"})
    assert waiting.read_pull(7).head_sha == HEAD
    assert waits == [3.0]


@pytest.mark.parametrize(
    ("headers", "message", "low", "high"),
    [
        ({"Retry-After": "3600"}, "Slow down", 3600, 3600),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4000000000"}, "x", 1e8, 4e9),
        ({}, "You have exceeded a secondary rate limit", 60, 60),
    ],
    ids=["retry-after", "primary", "secondary"],
)
def test_a_long_limit_blocks_no_thread(
    fake: FakeGitHub,
    waiting: GitHubPulls,
    waits: list[float],
    headers: dict[str, str],
    message: str,
    low: float,
    high: float,
) -> None:
    fake.fail("GET", "/pulls/7$", status=403, headers=headers, body={"message": message})
    with pytest.raises(HostingError) as caught:
        waiting.read_pull(7)
    assert caught.value.retry_after_s is not None
    assert low <= caught.value.retry_after_s <= high
    assert waits == []


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "the token is not accepted"),
        (403, "Resource not accessible by integration"),
        (404, "not found"),
    ],
)
def test_what_a_person_must_mend_is_said_at_once(
    fake: FakeGitHub, waiting: GitHubPulls, waits: list[float], status: int, says: str
) -> None:
    body = {"message": "Resource not accessible by integration"}
    fake.fail("GET", "/pulls/7$", status=status, body=body)
    with pytest.raises(HostingError, match=says) as caught:
        waiting.read_pull(7)
    assert caught.value.lasting
    assert waits == []


def test_a_diff_that_is_too_large_is_taken_from_git(
    fake: FakeGitHub, waiting: GitHubPulls, tmp_path: Path
) -> None:
    tiny = TinyGit(tmp_path / "repo")
    tiny.run("config", "uploadpack.allowAnySHA1InWant", "true")
    base = tiny.commit({"a.py": "one\n"})
    head = tiny.commit({"a.py": "two\n" * 25_000})
    pull = fake.pulls[REPO, 7].pull
    pull["base"] = {"sha": base, "repo": {"clone_url": tiny.folder.as_uri()}}
    pull["head"]["sha"] = head
    fake.fail("GET", "/pulls/7$", status=406, accept="diff")
    (file,) = parse_diff(waiting.read_diff(7))
    assert (file.path, len(file.hunks[0].lines)) == ("a.py", 25_001)


def test_a_diff_that_git_does_not_bring_either_says_so(
    fake: FakeGitHub, waiting: GitHubPulls, tmp_path: Path
) -> None:
    fake.pulls[REPO, 7].pull["base"]["repo"] = {"clone_url": (tmp_path / "nosuch").as_uri()}
    fake.fail("GET", "/pulls/7$", status=406, accept="diff")
    with pytest.raises(HostingError, match="too large for the host to show, and git cannot"):
        waiting.read_diff(7)


def test_a_wrong_token_is_refused_and_never_shown(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pulls = open_pulls(served, token="ghp_thisIsSecret")
    with pytest.raises(HostingError) as caught:
        pulls.read_pull(7)
    pulls.close()
    shown = f"{pulls!r} {pulls} {caught.value!r} {caplog.text}"
    assert "thisIsSecret" not in shown
    assert repr(pulls) == "GitHubPulls('team/shop')"


def test_an_account_that_may_not_be_asked_for_can_be_given(
    fake: FakeGitHub, served: Served
) -> None:
    fake.fail("GET", "/user$", status=403, body={"message": "Resource not accessible"}, times=9)
    asking = open_pulls(served)
    with pytest.raises(HostingError, match=r"set \[server\] account"):
        asking.our_comments(7)
    asking.close()
    told = GitHubPulls(REPO, TOKEN, KEY, base_url=served.url, account=ACCOUNT, pauses=(0, 0))
    assert told.our_comments(7) == []
    told.close()


def test_real_pull_requests_take_one_review_each(fake: FakeGitHub, served: Served) -> None:
    load_real(fake)
    real = [number for repo, number in fake.pulls if repo != REPO]
    assert len(real) == 5
    pulls = GitHubPulls("bitcoin-core/secp256k1", TOKEN, KEY, base_url=served.url, pauses=(0, 0))
    for number in real:
        head = pulls.read_pull(number)
        comments = [
            LineComment(path=path, side="RIGHT", line=max(hunk), body="Here.")
            for (path, side), hunks in lines_of(pulls.read_diff(number)).items()
            for hunk in hunks
            if side == "RIGHT"
        ]
        assert comments
        for _ in range(2):
            pulls.post_review(number, head.head_sha, body_for(head), comments)
        assert len(fake.ours("bitcoin-core/secp256k1", number)) == 1
    pulls.close()
    assert len(fake.posts()) == 5


def test_the_fake_refuses_what_github_refuses(fake: FakeGitHub, pulls: GitHubPulls) -> None:
    fake.add(REPO, small_pull(8))
    head = pulls.read_pull(8)
    for bad in (NOWHERE, LineComment(path="no/such.py", side="RIGHT", line=1, body="x")):
        with pytest.raises(Exception, match="422"):
            pulls._send(8, HEAD, body_for(head), [bad])
    with pytest.raises(Exception, match="422"):
        pulls._send(8, "c" * 40, body_for(head), [])
    assert fake.ours(REPO, 8) == []


def test_a_file_is_read_at_a_commit_and_what_is_not_there_is_none(
    fake: FakeGitHub, pulls: GitHubPulls
) -> None:
    repository = FakeRepository(fake, REPO)
    repository.put("0" * 40, {"a b/postil.toml": "[review]\n"})
    assert pulls.read_file("a b/postil.toml", "0" * 40) == "[review]\n"
    assert pulls.read_file("a b/postil.toml", "1" * 40) is None
    fake.fail("GET", "/contents/", status=403)
    with pytest.raises(HostingError, match=r"cannot read postil\.toml") as failed:
        pulls.read_file("postil.toml", "0" * 40)
    assert failed.value.lasting
