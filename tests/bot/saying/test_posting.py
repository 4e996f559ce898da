"""One posting path for every door, against the fake GitHub: never twice, settled, summed up."""

from collections.abc import Sequence

import graphql
import msgspec
import pytest

from bot.hosts import PullHead, ReviewText
from bot.hosts.github import GitHubPulls
from bot.hosts.github_threads import RESOLVE, THREADS
from bot.saying.comment import Wording, write_review
from bot.saying.earlier import look_back
from bot.saying.posting import Standing, post_draft
from bot.saying.summary import write_summary
from postil.diff import parse_diff
from postil.marker import markers_of
from postil.records import Draft, Finding, PostedComment, Span
from tests.bot.fake_pulls import DIFF, HEAD, KEY, NEXT_HEAD, REPO
from tests.github_fake import FakeGitHub
from tests.graphql_fake import official_schema
from tests.npm_package import UnavailableError

HEEDED = DIFF.replace("+        return sum(prices)", "+        return fsum(prices)")


def draft_of(*lines: int, head: str = HEAD, message: str = "Why a name?") -> Draft:
    """Findings on some lines of the new side."""
    spans = [Span(path="shop/cart.py", side="RIGHT", start=at, end=at) for at in lines]
    return Draft(
        repo=REPO,
        pull=7,
        head_sha=head,
        adapter="0123456789abcdef",
        findings=tuple(Finding(span=span, message=message, score=0.9) for span in spans),
        reviewed=("shop/cart.py",),
        skipped={"logo.png": "binary"},
        windows=4,
        threshold=0.6,
        precision=0.75,
    )


def say(
    head: PullHead, diff: str, draft: Draft, earlier: Sequence[PostedComment]
) -> ReviewText | None:
    files = parse_diff(diff)
    return write_review(draft, files, look_back(earlier, files, REPO, 7), KEY, Wording())


def sum_up(_head: PullHead, draft: Draft, standing: Standing) -> str:
    return write_summary(draft, standing)


def post(pulls: GitHubPulls, draft: Draft) -> str:
    """Post as a door does."""
    head = pulls.read_pull(7)
    return post_draft(pulls, head, pulls.read_diff(7), draft, say, sum_up, KEY)


def push(fake: FakeGitHub, diff: str) -> None:
    fake.pulls[REPO, 7].push(NEXT_HEAD, diff)


def summary(fake: FakeGitHub) -> str:
    (only,) = fake.pulls[REPO, 7].talk
    return str(only["body"])


def test_one_review_and_one_summary(fake: FakeGitHub, pulls: GitHubPulls) -> None:
    assert post(pulls, draft_of(11)) == "posted one review with 1 line comment"
    assert [sent.path.rpartition("/")[2] for sent in fake.posts()] == ["reviews", "comments"]
    shown = summary(fake)
    assert shown.startswith("**Postil: 1 new remark**")
    assert "| silent | 3 of 4 windows, 75% |" in shown
    assert "| threshold | 0.60 |" in shown and "| its precision | 0.75 in calibration |" in shown
    assert "- `logo.png`: binary" in shown


def test_the_same_head_again_posts_nothing(fake: FakeGitHub, pulls: GitHubPulls) -> None:
    post(pulls, draft_of(11))
    before = fake.posts()
    assert post(pulls, draft_of(11, 12)) == "this head was reviewed before"
    assert fake.posts() == before


def test_a_push_gets_only_what_is_new_and_the_summary_is_written_over(
    fake: FakeGitHub, pulls: GitHubPulls
) -> None:
    post(pulls, draft_of(11))
    push(fake, DIFF.replace("-10,4", "-40,4").replace("+10,5", "+40,5"))
    done = post(pulls, draft_of(41, 42, head=NEXT_HEAD, message="In other words."))
    assert done == "posted one review with 1 line comment"
    assert [one["line"] for one in fake.pulls[REPO, 7].comments] == [11, 42]
    assert summary(fake).startswith("**Postil: 1 new remark, 1 earlier remark open**")


def test_a_comment_whose_lines_are_gone_is_resolved(fake: FakeGitHub, pulls: GitHubPulls) -> None:
    post(pulls, draft_of(12))
    push(fake, HEEDED)
    assert post(pulls, draft_of(head=NEXT_HEAD)) == "nothing to say; 1 settled"
    (comment,) = fake.pulls[REPO, 7].comments
    assert fake.pulls[REPO, 7].resolved == {comment["id"]: "postil-bot"}
    assert "Settled" not in comment["body"]
    assert "nothing new to remark on, 1 settled" in summary(fake)


@pytest.mark.parametrize("threads", ["not told", "told but not ours to resolve"])
def test_where_it_may_not_be_resolved_the_comment_is_edited_once(
    fake: FakeGitHub, pulls: GitHubPulls, threads: str
) -> None:
    post(pulls, draft_of(12))
    (comment,) = fake.pulls[REPO, 7].comments
    reply = {**comment, "id": 5, "in_reply_to_id": comment["id"], "body": "Hm, let me see."}
    fake.pulls[REPO, 7].comments.append({**reply, "user": {"login": "ada"}})
    push(fake, HEEDED)
    refused = {"message": "Resource not accessible by integration"}
    if threads == "not told":
        fake.fail("POST", "/graphql$", status=403, body=refused)
    else:
        fake.pulls[REPO, 7].may_resolve = False
    assert post(pulls, draft_of(head=NEXT_HEAD)) == "nothing to say; 1 settled"
    shown, answer = fake.pulls[REPO, 7].comments
    assert "Why a name?" in shown["body"] and "*Settled: the lines" in shown["body"]
    (marker,) = markers_of(shown["body"], KEY)
    assert marker.settled == NEXT_HEAD and answer["body"] == "Hm, let me see."
    (seen,) = [one for one in pulls.our_comments(7) if one.said_in == "comment"]
    assert seen.settled


@pytest.mark.parametrize("how", ["resolved", "thumbs-down", "refused in a reply", "deleted"])
def test_what_a_person_dismissed_is_not_said_again(
    fake: FakeGitHub, pulls: GitHubPulls, how: str
) -> None:
    post(pulls, draft_of(11))
    pull = fake.pulls[REPO, 7]
    (comment,) = pull.comments
    if how == "resolved":
        pull.resolved[comment["id"]] = "ada"
    elif how == "thumbs-down":
        pull.refused.add(comment["id"])
    elif how == "deleted":
        pull.comments.clear()
    else:
        reply = {"id": 5, "in_reply_to_id": comment["id"], "body": "Won't fix, it is on purpose."}
        pull.comments.append({**comment, **reply, "user": {"login": "ada"}})
    push(fake, DIFF)
    assert post(pulls, draft_of(11, 12, head=NEXT_HEAD)) == "nothing new to say"


def test_without_an_adapter_nothing_is_written(fake: FakeGitHub, pulls: GitHubPulls) -> None:
    silent = msgspec.structs.replace(draft_of(), adapter="")
    assert post(pulls, silent).startswith("nothing to say: no adapter")
    assert fake.posts() == []


def test_a_summary_that_may_not_be_written_does_not_stop_the_review(
    fake: FakeGitHub, pulls: GitHubPulls
) -> None:
    wanted = {"X-Accepted-GitHub-Permissions": "issues=write; pull_requests=write"}
    fake.fail("POST", "/issues/7/comments$", status=403, headers=wanted)
    done = post(pulls, draft_of(11))
    assert done.startswith("posted one review with 1 line comment; no summary (")
    assert "needs issues=write; pull_requests=write" in done


def test_a_summary_that_was_written_though_the_answer_was_lost_stands_once(
    fake: FakeGitHub, pulls: GitHubPulls
) -> None:
    fake.fail("POST", "/issues/7/comments$", status=502, applied=True)
    post(pulls, draft_of(11))
    assert summary(fake)


@pytest.mark.parametrize("question", [THREADS, RESOLVE], ids=["threads", "resolve"])
def test_what_is_asked_of_graphql_is_in_githubs_own_schema(question: str) -> None:
    try:
        schema = official_schema()
    except UnavailableError as error:
        pytest.skip(str(error))
    assert graphql.validate(schema, graphql.parse(question)) == []
