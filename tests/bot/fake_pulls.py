"""A small pull request of our own for the fake GitHub, and a door to it."""

from pathlib import Path

import pytest

from bot.hosts.github import GitHubPulls
from tests.github_fake import TOKEN, FakeGitHub, FakePull, Served

REPO = "team/shop"
KEY = b"the key of our markers"
HEAD = "a" * 40
NEXT_HEAD = "b" * 40
SHARED = Path(__file__).parents[2] / "../shared/data/github"

DIFF = """\
diff --git a/shop/cart.py b/shop/cart.py
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -10,4 +10,5 @@ class Cart:
     def total(self):
-        return sum(self.prices)
+        prices = self.prices
+        return sum(prices)
     # the end
     def clear(self):
"""


def small_pull(
    number: int = 7, head_sha: str = HEAD, diff: str = DIFF, repo: str = REPO
) -> FakePull:
    """An open pull request with one changed file."""
    api = f"https://api.github.com/repos/{repo}/pulls/{number}"
    return FakePull(
        {
            "number": number,
            "url": api,
            "html_url": f"https://github.com/{repo}/pull/{number}",
            "state": "open",
            "draft": False,
            "title": "Name the prices",
            "user": {"login": "ada", "type": "User"},
            "labels": [{"name": "cart"}],
            "head": {"sha": head_sha},
            "base": {"sha": "0" * 40},
        },
        diff=diff,
    )


def open_pulls(served: Served, token: str = TOKEN, waits: list[float] | None = None) -> GitHubPulls:
    """The door to REPO on a fake; instead of sleeping, waits are noted."""
    noted: list[float] = [] if waits is None else waits
    return GitHubPulls(
        REPO, token, KEY, base_url=served.url, timeout_s=5, pauses=(0, 0), sleep=noted.append
    )


def need_shared() -> None:
    """Skip where the real payloads are not beside the project."""
    if not SHARED.exists():
        pytest.skip("the real payloads (../shared/data/github) are not here")


def load_real(fake: FakeGitHub) -> None:
    """The real pull requests of secp256k1, as if they were open."""
    need_shared()
    fake.load(SHARED / "rest-pulls", reopened=True)
