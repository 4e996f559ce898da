"""`postil serve` as it is installed, with a tiny real adapter: a signed delivery, one review."""

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from bot.signature import sign
from tests.bot.fake_pulls import HEAD, REPO
from tests.bot.stub_process import SECRET, wait_for
from tests.bot.tiny_home import POSTIL, TinyHome, run_postil
from tests.github_fake import TOKEN, FakeGitHub, Served


@pytest.fixture
def own_home(tiny_home: TinyHome, tmp_path: Path) -> Path:
    """A home of this test's own, with the same adapters."""
    shutil.copytree(tiny_home.home / "adapters", tmp_path / "home/adapters")
    return tmp_path / "home"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(home: Path, port: int, api_url: str) -> Iterator[Path]:
    """The server on a port; yields its log."""
    config = home / "server.toml"
    config.write_text(f'[review]\nmode = "comment"\n[server]\napi_url = "{api_url}"\n')
    environment = {
        "PATH": "/usr/bin:/bin",
        "POSTIL_HOME": str(home),
        "POSTIL_WEBHOOK_SECRET": SECRET,
        "GITHUB_TOKEN": TOKEN,
    }
    command = [str(POSTIL), "serve", "--config", str(config), "--port", str(port)]
    log = home / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=home, env=environment, stderr=file)
    try:
        yield log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_a_signed_delivery_ends_in_one_review_by_the_adapter(
    own_home: Path, served: Served, fake: FakeGitHub
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    event = {
        "action": "opened",
        "number": 7,
        "pull_request": {"head": {"sha": HEAD}},
        "repository": {"full_name": REPO},
    }
    body = json.dumps(event).encode()
    headers = {
        "X-Hub-Signature-256": sign(SECRET.encode(), body),
        "X-GitHub-Event": "pull_request",
        "X-GitHub-Delivery": "d1",
        "Content-Type": "application/json",
    }

    def is_open() -> bool:
        try:
            return requests.get(f"{url}/healthz", timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    with serving(own_home, port, served.url) as log:
        wait_for(is_open, 60)
        answer = requests.post(f"{url}/webhook", data=body, headers=headers, timeout=10)
        assert answer.status_code == 202
        wait_for(lambda: bool(fake.ours(REPO, 7)), 120)
    (comment,) = fake.pulls[REPO, 7].comments
    assert comment["body"].startswith("Log it instead of printing it, please.")
    assert "https://redirect.github.com/team/shop/pull/3#discussion_r9" in comment["body"]
    assert len(fake.posts()) == 1
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("door", ["serve", "worker"])
def test_without_its_secrets_a_door_stays_shut(door: str, tmp_path: Path) -> None:
    done = run_postil(door, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert ("no webhook secret" if door == "serve" else "no token") in done.stderr
