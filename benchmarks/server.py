"""How many signed deliveries the door acknowledges durably, beside a plain way of writing them.

    python -m benchmarks.server --seconds 60 --clients 24

Both sides are the same Flask app under the same gunicorn (one process, 32 threads) with 25 kB
signed bodies; ours commits what arrives at once together, the other writes one synchronous SQLite
transaction a request. Reviews are held back (the reviewer stays loading), so that the door alone
is measured. The load comes from a process of its own on the same cores. Latencies in seconds.
"""

import argparse
import http.client
import json
import os
import resource
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bot.door.signature import sign

SECRET = "a webhook secret of the benchmark, long enough"
BODY_BYTES = 25_000
WARM_S = 3.0
ROOT = Path(__file__).parents[1]


def body_of(number: int) -> bytes:
    """A delivery of a pull request of its own, filled up to 25 kB."""
    event: dict[str, Any] = {
        "action": "opened",
        "number": number,
        "pull_request": {"head": {"sha": f"{number:040x}"}, "body": ""},
        "repository": {"full_name": "team/shop"},
    }
    event["pull_request"]["body"] = "x" * (BODY_BYTES - len(json.dumps(event)))
    return json.dumps(event).encode()


class Load:
    """Clients that send one delivery after the other over kept connections."""

    def __init__(self, port: int, rate: float | None) -> None:
        self._port = port
        self._rate = rate
        self._turn = threading.Lock()
        self._next = 1
        self._began = time.monotonic()
        self.latencies: list[float] = []
        self.errors = 0
        self.running = True

    def client(self) -> None:
        """Until told to end."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while self.running:
            with self._turn:
                number, self._next = self._next, self._next + 1
            body = body_of(number)
            headers = {
                "X-Hub-Signature-256": sign(SECRET.encode(), body),
                "X-GitHub-Event": "pull_request",
                "X-GitHub-Delivery": f"{number}-{secrets.token_hex(8)}",
                "Content-Type": "application/json",
            }
            if self._rate:
                due = self._began + number / self._rate
                time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            try:
                connection.request("POST", "/webhook", body, headers)
                answer = connection.getresponse()
                answer.read()
                wrong = answer.status != 202
            except (OSError, http.client.HTTPException):
                connection.close()
                wrong = True
            self.errors += wrong
            self.latencies.append(time.monotonic() - began)


def measure(port: int, seconds: float, clients: int, rate: float | None) -> dict[str, float]:
    """Send for so long; what came of it."""
    load = Load(port, rate)
    threads = [threading.Thread(target=load.client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(WARM_S)
    skip, began = len(load.latencies), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    latencies = sorted(load.latencies[skip:])
    load.running = False
    for thread in threads:
        thread.join(30)
    return {
        "per_second": round(len(latencies) / took, 1),
        "p50": round(latencies[len(latencies) // 2], 4),
        "p99": round(latencies[int(len(latencies) * 0.99)], 4),
        "worst": round(latencies[-1], 4),
        "errors": load.errors,
    }


def serve(kind: str, home: Path, port: int) -> None:
    """The door, in this process until killed. `plain`: a transaction a request."""
    from bot import server, workshop
    from bot.work.steps import Reviewer
    from postil.settings import ServerSettings, Settings

    environment = {"POSTIL_WEBHOOK_SECRET": SECRET, "GITHUB_TOKEN": "none-of-it"}
    settings = Settings(server=ServerSettings(port=port))

    def never(_: bytes) -> Reviewer:
        threading.Event().wait()
        raise AssertionError

    if kind == "plain":
        setattr(workshop, "Intake", Plain)  # noqa: B010 - it exports no such name
    server.serve(settings, home, environment, never)


class Plain:
    """The comparison: each request thread writes its own delivery."""

    def __init__(self, inbox: Any) -> None:
        self.accept = inbox.accept

    def start(self) -> None:
        """Nothing runs."""

    def stop(self) -> None:
        """Nothing ran."""


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children."""
    pids = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        pids += [int(word) for word in (task / "children").read_text().split()]
    pages = sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in pids)
    return pages * resource.getpagesize() / 1e6


def run(kind: str, seconds: float, clients: int, rate: float | None) -> dict[str, float]:
    """Start a server, load it, and end it."""
    with tempfile.TemporaryDirectory(prefix="postil-bench-") as name, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
        free.close()
        command = [sys.executable, "-m", "benchmarks.server", "--serve", kind, name, str(port)]
        process = subprocess.Popen(
            command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            _wait(port)
            before = memory_mb(process.pid)
            found = measure(port, seconds, clients, rate)
            after = memory_mb(process.pid)
            usage = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            cpu = sum(sum(_ticks(int(pid))) for pid in usage) / os.sysconf("SC_CLK_TCK")
            sent = found["per_second"] * (seconds + WARM_S)
            return found | {
                "server_cpu_ms_each": round(1000 * cpu / max(1.0, sent), 2),
                "memory_mb": round(after, 1),
                "memory_grew_mb": round(after - before, 1),
            }
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ticks(pid: int) -> tuple[int, int]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


def main() -> None:
    """Measure both, in turn, and say it as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--rate", type=float, help="deliveries a second; else as many as go")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=("grouped", "plain"))
    parser.add_argument("--serve", nargs=3, metavar=("KIND", "HOME", "PORT"))
    asked = parser.parse_args()
    if asked.serve:
        kind, home, port = asked.serve
        serve(kind, Path(home), int(port))
        return
    for number in range(asked.rounds):
        for kind in (asked.only,) if asked.only else ("grouped", "plain"):
            found = run(kind, asked.seconds, asked.clients, asked.rate)
            load = os.getloadavg()[0]
            line = {"round": number, "kind": kind, **found, "load_average": round(load, 1)}
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
