"""A server of ours as a process of its own: started, killed and spoken to.

With a stub reviewer, or `postil serve` as it is installed.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from bot.door.inbox import Inbox
from bot.door.signature import sign
from tests.bot.fake_pulls import HEAD, REPO
from tests.bot.tiny_home import POSTIL
from tests.github_fake import TOKEN

ROOT = Path(__file__).parents[2]
SECRET = "a webhook secret of our tests, long enough"


class ServerProcess:
    """One server on a free port, over the same home at every start; subclasses say which."""

    def __init__(
        self, home: Path, api_url: str, environment: Mapping[str, str] | None = None
    ) -> None:
        home.mkdir(exist_ok=True)
        self._more = dict(environment or {})
        self.home = home
        self._api_url = api_url
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until the door is open."""
        environment = {
            "PATH": os.environ["PATH"],
            "POSTIL_HOME": str(self.home),
            "POSTIL_WEBHOOK_SECRET": SECRET,
            "GITHUB_TOKEN": TOKEN,
            **self._more,
        }
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(self._port, self._api_url),
                cwd=ROOT,
                env=environment,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._is_open, 60)

    def _command(self, port: int, api_url: str) -> list[str]:
        raise NotImplementedError

    def _is_open(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    @property
    def running(self) -> bool:
        """Whether it was started, and lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """gunicorn's master."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """What it wrote to stderr so far."""
        return (self.home / "log").read_text()

    def kill(self) -> None:
        """SIGKILL, to gunicorn's master and worker at once."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(60)
        self._process = None
        return code

    def deliver(self, delivery: str, number: int = 7, head: str = HEAD, repo: str = REPO) -> int:
        """Send a signed delivery of a pull request; the status of the answer."""
        event = {
            "action": "opened",
            "number": number,
            "pull_request": {"head": {"sha": head}},
            "repository": {"full_name": repo},
        }
        body = json.dumps(event).encode()
        headers = {
            "X-Hub-Signature-256": sign(SECRET.encode(), body),
            "X-GitHub-Event": "pull_request",
            "X-GitHub-Delivery": delivery,
            "Content-Type": "application/json",
        }
        answer = requests.post(f"{self.url}/webhook", data=body, headers=headers, timeout=10)
        return answer.status_code

    def state(self, delivery: str) -> str:
        """How far a delivery came, read beside the server."""
        inbox = Inbox(f"sqlite:///{self.home / 'inbox.db'}")
        state = inbox.job(delivery).state
        inbox.close()
        return state


class StubProcess(ServerProcess):
    """`tests.bot.stub_server`: a reviewer that takes no time."""

    def _command(self, port: int, api_url: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "tests.bot.stub_server",
            str(self.home),
            str(port),
            api_url,
            "forgejo" if "FORGEJO_TOKEN" in self._more else "github",
        ]


class InstalledServer(ServerProcess):
    """`postil serve` with the adapters of its home, in comment mode or with a file of settings."""

    def __init__(
        self,
        home: Path,
        api_url: str,
        environment: Mapping[str, str] | None = None,
        *,
        config: Path | None = None,
    ) -> None:
        super().__init__(home, api_url, environment)
        self._config = config

    def _command(self, port: int, api_url: str) -> list[str]:
        config = self._config
        if config is None:
            config = self.home / "server.toml"
            config.write_text(f'[review]\nmode = "comment"\n[server]\napi_url = "{api_url}"\n')
        return [str(POSTIL), "serve", "--config", str(config), "--port", str(port)]


def wait_for(what: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Until it is so."""
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)
