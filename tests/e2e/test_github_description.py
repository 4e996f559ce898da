"""Our door to GitHub against GitHub's whole API description, on real pull requests."""

import pytest

from bot.hosts import LineComment, review_marker
from bot.hosts.github import GitHubPulls
from postil.diff import parse_diff
from postil.marker import render_marker
from tests.bot.fake_pulls import KEY, load_real
from tests.github_fake import TOKEN, FakeGitHub
from tests.openapi import Description

pytestmark = pytest.mark.slow

REPO = "bitcoin-core/secp256k1"


def test_the_whole_description_knows_more_than_the_subset(description: Description) -> None:
    path = f"/repos/{REPO}/pulls/7/reviews"
    assert description.violations("POST", path, {}, b'{"event": "SHOUT"}')
    assert description.violations("GET", path, {"per_pages": "1"}, b"")
    assert description.violations("GET", path, {"per_page": "100"}, b"") == []


def test_every_request_on_real_pull_requests_fits_the_whole_description(
    description: Description,
) -> None:
    fake = FakeGitHub(description)
    load_real(fake)
    with fake.serve() as served:
        pulls = GitHubPulls(REPO, TOKEN, KEY, base_url=served.url, pauses=(0, 0))
        for _, number in fake.pulls:
            head = pulls.read_pull(number)
            assert pulls.read_file("postil.toml", head.base_sha) is None
            line = next(
                (file.path, line.new)
                for file in parse_diff(pulls.read_diff(number))
                for hunk in file.hunks
                for line in hunk.lines
                if line.new
            )
            comment = LineComment(path=line[0], side="RIGHT", line=line[1], body="Here.")
            body = "One remark.\n\n" + render_marker(review_marker(head, "test"), KEY)
            for _ in range(2):
                pulls.post_review(number, head.head_sha, body, [comment])
            assert pulls.our_comments(number)
        pulls.close()
    assert len(fake.posts()) == len(fake.pulls) == 5
    assert fake.violations == []
