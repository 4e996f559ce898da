"""Who is told of a run: a POST without secrets that fails nothing."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from finetune.retraining.ledger import Run
from finetune.retraining.telling import tell
from tests.finetune.builders import day

RUN = Run(
    repo="o/r",
    begun_at=day(1),
    stage="decided",
    store="s",
    wishes="w",
    data_sha256="d",
    new_remarks=60,
    live="old",
    candidate="new",
    outcome="promoted",
    detail="promoted: new",
    cpu_s=12.34,
)


class Heard(HTTPServer):
    """What was posted, and the status that is answered."""

    bodies: list[bytes]
    status = 200


class Listener(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Heard)
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """In silence."""


@pytest.fixture
def heard() -> Iterator[Heard]:
    server = Heard(("127.0.0.1", 0), Listener)
    server.bodies = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server: Heard) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/hook"


def test_the_outcome_is_posted_once_as_json(heard: Heard) -> None:
    tell(RUN, address(heard))
    (body,) = heard.bodies
    assert json.loads(body) == {
        "schema": 1,
        "repo": "o/r",
        "outcome": "promoted",
        "detail": "promoted: new",
        "adapter": "new",
        "live_before": "old",
        "new_remarks": 60,
        "begun_at": "2024-01-02T00:00:00Z",
        "cpu_s": 12.3,
    }


@pytest.mark.parametrize("status", [302, 500])
def test_a_listener_that_refuses_or_points_elsewhere_fails_nothing(
    heard: Heard, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    heard.status = status
    tell(RUN, address(heard))
    assert len(heard.bodies) == 1, "no redirect is followed"
    assert f"notify_url answered {status}" in caplog.text


def test_nobody_listening_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    tell(RUN, "http://127.0.0.1:9/hook")
    assert "nobody was told: notify_url: ConnectionError" in caplog.text
    assert "retrained repo=o/r outcome=promoted adapter=new" in caplog.text
