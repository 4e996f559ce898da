"""What people do on a real Forgejo, shared by its tests: push, press buttons, merge, be told of."""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from bot.door.delivery import OPEN_STATES
from bot.door.inbox import Inbox
from bot.hosts.forgejo import ForgejoPulls
from tests.bot.server_process import SECRET, ServerProcess
from tests.forgejo import Forgejo

REPO = "mia/harbour"
API = f"/repos/{REPO}"
KEY = b"the key of our markers"


class Work:
    """Olga's clone, and the pull request that she pushes to."""

    def __init__(self, server: Forgejo, folder: Path, branch: str) -> None:
        self.server, self.folder, self.branch = server, folder, branch
        self.git("clone", server.git_url("olga", REPO), ".")
        self.git("config", "user.name", "olga")
        self.git("config", "user.email", "olga@example.org")
        self.git("checkout", "-b", branch)
        self.number = 0

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def push(self, text: str, *how: str) -> None:
        """Write the file, commit, push; the first time open a pull request."""
        self.push_files({f"{self.branch}.py": text}, *how)

    def push_files(self, files: Mapping[str, str], *how: str) -> None:
        """The same with files by their names."""
        for name, text in files.items():
            (self.folder / name).write_text(text)
        self.git("add", ".")
        self.git("commit", "-m", "Work", *(["--amend"] if "--force" in how else []))
        self.git("push", *how, "origin", self.branch)
        head = self.head()
        if not self.number:
            new = {"title": f"Berth {self.branch}", "head": self.branch, "base": "main"}
            self.number = int(self.server.call("olga", "POST", f"{API}/pulls", new)["number"])
        pulls = open_pulls(self.server)
        for _ in range(100):  # it takes up a push after a moment
            if pulls.read_pull(self.number).head_sha == head:
                return
            time.sleep(0.2)
        raise AssertionError(f"{head} was pushed and never became the head")

    def head(self) -> str:
        """The commit that was pushed last."""
        return self.git("rev-parse", "HEAD")

    def comments(self) -> list[dict[str, Any]]:
        """Every line comment, as the server tells it."""
        reviews = self.server.call("mia", "GET", f"{API}/pulls/{self.number}/reviews")
        return [
            comment
            for review in reviews
            for comment in self.server.call(
                "mia", "GET", f"{API}/pulls/{self.number}/reviews/{review['id']}/comments"
            )
        ]

    def summaries(self) -> list[dict[str, Any]]:
        """Every comment on no line."""
        found: list[dict[str, Any]] = self.server.call(
            "mia", "GET", f"{API}/issues/{self.number}/comments"
        )
        return found


def open_pulls(server: Forgejo, who: str = "postil", **more: Any) -> ForgejoPulls:
    return ForgejoPulls(REPO, server.tokens[who], KEY, url=server.url, **more)


def numbered(**changed: str) -> str:
    return "".join(f"{changed.get(f'l{n}', f'line_{n} = {n}')}\n" for n in range(1, 41))


def click(server: Forgejo, path: str, **form: str) -> None:
    """A button of the page, by mia: the interface of 1.21 resolves and deletes no line comment."""
    session = requests.Session()
    page = session.get(f"{server.url}/user/login", timeout=30).text
    token = re.search(r'name="_csrf" value="([^"]+)"', page)
    assert token is not None
    who = {"user_name": "mia", "password": "not-a-secret-1", "_csrf": token[1]}
    assert session.post(f"{server.url}/user/login", data=who, timeout=30).ok
    sent = {"_csrf": session.cookies["_csrf"], **form}
    answer = session.post(f"{server.url}/{REPO}/{path}", data=sent, timeout=30)
    assert answer.ok, answer.text[:300]


def resolve(server: Forgejo, comment: int) -> None:
    how = {"origin": "timeline", "action": "Resolve", "comment_id": str(comment)}
    click(server, "issues/resolve_conversation", **how)


def merge(server: Forgejo, number: int) -> None:
    for _ in range(60):  # it looks for conflicts first
        how = {"Do": "merge"}
        if not server.call("mia", "POST", f"{API}/pulls/{number}/merge", how, ok=False):
            return
        time.sleep(0.5)
    raise AssertionError("never merged")


@contextmanager
def hooked(server: Forgejo, door: ServerProcess) -> Iterator[None]:
    """Let it tell our server of pull requests and comments."""
    hook = {
        "type": "forgejo",
        "active": True,
        "events": ["pull_request", "pull_request_sync", "issue_comment", "pull_request_comment"],
        "config": {"url": f"{door.url}/webhook", "content_type": "json", "secret": SECRET},
    }
    made = server.call("mia", "POST", f"{API}/hooks", hook)
    yield
    server.call("mia", "DELETE", f"{API}/hooks/{made['id']}")


def states(door: ServerProcess) -> dict[str, int]:
    """Where the deliveries are, read beside the server."""
    inbox = Inbox(f"sqlite:///{door.home / 'inbox.db'}")
    try:
        return inbox.count()
    finally:
        inbox.close()


def is_done(door: ServerProcess) -> bool:
    """Whether something was received, and all of it came to its end. Forgejo tells of a new pull
    request twice: as opened and as pushed to."""
    return bool(found := states(door)) and not set(found) & set(OPEN_STATES)
