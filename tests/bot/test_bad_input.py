"""What a server meets in the wild: too much, too slow, no room, a port that is taken, a clock."""

import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.door.delivery import Delivery
from bot.door.inbox import Inbox
from bot.door.signature import sign
from bot.door.slow_bodies import SlowBodies
from bot.door.web import create_app
from bot.server import serve
from bot.work.ledger import Ledger
from bot.work.steps import Reviewer
from postil.errors import ConfigError
from postil.settings import ServerSettings, Settings
from tests.bot.door.test_web import EVENT, deliver
from tests.bot.door.test_web import SECRET as DOOR_SECRET
from tests.bot.fake_pulls import HEAD, REPO
from tests.bot.server_process import SECRET, StubProcess
from tests.github_fake import FakeGitHub, Served

SECRETS = {"POSTIL_WEBHOOK_SECRET": SECRET, "GITHUB_TOKEN": "t"}


def never(key: bytes) -> Reviewer:
    """No reviewer is ever made."""
    raise AssertionError


def test_a_body_over_the_hosts_own_limit_is_refused(inbox: Inbox) -> None:
    door = create_app(Settings(), DOOR_SECRET, inbox).test_client()
    body = b" " * (26 * 1024 * 1024)
    answer = door.post(
        "/webhook", data=body, headers={"X-Hub-Signature-256": sign(DOOR_SECRET, body)}
    )
    assert answer.status_code == 413
    assert inbox.count() == {}


def test_a_full_disk_is_no_acknowledgement_and_room_again_is_one(inbox: Inbox) -> None:
    door = create_app(Settings(), DOOR_SECRET, inbox).test_client()
    room = [1]

    def narrow(connection: object, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count={room[0]}")  # type: ignore[attr-defined]

    sa.event.listen(inbox.database.engine, "connect", narrow)
    inbox.database.engine.dispose()
    said = {deliver(door, delivery=f"d{number}").status_code for number in range(200)}
    assert said <= {202, 503}
    assert 503 in said
    stored = inbox.count().get("received", 0)
    room[0] = 1_000_000
    inbox.database.engine.dispose()
    assert deliver(door, delivery="later").status_code == 202
    assert inbox.count() == {"received": stored + 1}


def test_a_body_that_trickles_in_is_cut() -> None:
    ours, theirs = socket.socketpair()
    bodies = SlowBodies(limit_s=0.2)
    began = time.monotonic()
    with ours, theirs:
        with bodies.watched(ours):
            assert ours.recv(10) == b""
        assert time.monotonic() - began < 10
        with bodies.watched(None):
            pass


def test_a_slow_client_holds_up_no_other(fake: FakeGitHub, served: Served, tmp_path: Path) -> None:
    server = StubProcess(tmp_path / "home", served.url)
    server.start()
    slow = [
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) for _ in "ab"
    ]
    try:
        for one in slow:
            one.sendall(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        assert server.deliver("d1") == 202
    finally:
        for one in slow:
            one.close()
        server.kill()


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(server=ServerSettings(port=port))
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port}: cannot listen there"):
            serve(settings, tmp_path, SECRETS, never)


@pytest.mark.parametrize(
    "url", ["", "sqlite:////proc/none/inbox.db", "postgresql://u@127.0.0.1:9/d"]
)
def test_a_store_that_cannot_be_written_is_one_line(tmp_path: Path, url: str) -> None:
    home = tmp_path / "home"
    if not url:
        home.write_text("a file in the way")
    with pytest.raises(ConfigError, match="cannot be") as caught:
        serve(Settings(), home, {**SECRETS, "POSTIL_DATABASE_URL": url}, never)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0])
def test_a_clock_that_jumps_holds_up_nothing(tmp_path: Path, jump_s: float) -> None:
    clock = [1_800_000_000.0]
    inbox = Inbox(f"sqlite:///{tmp_path / 'x.db'}", lambda: datetime.fromtimestamp(clock[0], UTC))
    ledger = Ledger(inbox.database)
    inbox.accept(Delivery(delivery="d1", action="opened", repo=REPO, pull=7, head_sha=HEAD))
    inbox.move(inbox.job("d1"), "received", "later", not_before=clock[0] + 60)
    for _ in range(40):
        ledger.take(REPO)
    assert inbox.due() == []
    clock[0] += jump_s
    assert [job.delivery for job in inbox.due()] == ["d1"]
    ledger.take(REPO)
    inbox.close()


def test_an_event_nobody_knows_is_ignored(inbox: Inbox) -> None:
    door = create_app(Settings(), DOOR_SECRET, inbox).test_client()
    answer = deliver(door, EVENT, event="an_event_of_next_year")
    assert (answer.status_code, answer.get_json()["status"]) == (202, "ignored")
