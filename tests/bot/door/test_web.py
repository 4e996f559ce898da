"""bot/door/web.py: what gets through the door, and what is said to the rest."""

import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from bot.door.inbox import Inbox
from bot.door.signature import sign
from bot.door.web import create_app
from postil.settings import ServerSettings, Settings
from tests.bot.fake_pulls import HEAD, REPO, SHARED, need_shared

SECRET = b"s" * 32
EVENT = {
    "action": "opened",
    "number": 7,
    "pull_request": {"head": {"sha": HEAD}},
    "repository": {"full_name": REPO},
}


def comment(body: str, on: dict[str, Any] | None = None, kind: str = "User") -> dict[str, Any]:
    """A comment on the pull request, or on the issue `on`."""
    issue = {"pull_request": {"url": "x"}} if on is None else on
    return {
        "action": "created",
        "issue": {"number": 7, **issue},
        "comment": {"id": 5, "user": {"login": "ada", "type": kind}, "body": body},
        "repository": {"full_name": REPO},
    }


@pytest.fixture
def door(inbox: Inbox) -> FlaskClient:
    settings = Settings(server=ServerSettings(max_body_mb=1))
    return create_app(settings, SECRET, inbox).test_client()


def deliver(
    door: FlaskClient,
    payload: Any = EVENT,
    event: str = "pull_request",
    delivery: str = "d1",
    **headers: str | None,
) -> TestResponse:
    """Send a signed delivery; a header given as None is left out."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    sent: dict[str, str | None] = {
        "X-Hub-Signature-256": sign(SECRET, body),
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "Content-Type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    kept = {name: value for name, value in sent.items() if value is not None}
    return door.post("/webhook", data=body, headers=kept)


@pytest.mark.parametrize(
    "action", ["opened", "synchronize", "synchronized", "reopened", "ready_for_review"]
)
def test_a_signed_delivery_is_committed_and_then_accepted(
    door: FlaskClient, inbox: Inbox, action: str
) -> None:
    answer = deliver(door, EVENT | {"action": action})
    assert (answer.status_code, answer.get_json()) == (202, {"status": "accepted"})
    job = inbox.job("d1")
    assert (job.repo, job.pull, job.head_sha, job.action) == (REPO, 7, HEAD, action)
    assert job.state == "received"


def test_the_same_delivery_again_changes_nothing(door: FlaskClient, inbox: Inbox) -> None:
    deliver(door)
    answer = deliver(door)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "duplicate"})
    assert inbox.count() == {"received": 1}


def test_a_delivery_that_was_given_up_is_taken_again(door: FlaskClient, inbox: Inbox) -> None:
    deliver(door)
    inbox.move(inbox.job("d1"), "dead")
    answer = deliver(door)
    assert (answer.status_code, answer.get_json()) == (202, {"status": "accepted again"})


def test_the_queue_is_woken_after_the_commit(inbox: Inbox) -> None:
    seen: list[dict[str, int]] = []
    app = create_app(Settings(), SECRET, inbox, wake=lambda: seen.append(inbox.count()))
    deliver(app.test_client())
    assert seen == [{"received": 1}]


@pytest.mark.parametrize(
    "signature",
    [None, "", "sha256=" + "0" * 64, "sha1=" + "0" * 40, sign(b"another secret" * 3, b"{}")],
)
def test_an_unsigned_or_wrongly_signed_delivery_stores_nothing(
    door: FlaskClient, inbox: Inbox, signature: str | None
) -> None:
    answer = deliver(door, X_Hub_Signature_256=signature)
    assert answer.status_code == 401
    assert answer.get_json()["status"] == "refused"
    assert inbox.count() == {}


def test_nothing_is_parsed_before_the_signature(door: FlaskClient) -> None:
    assert deliver(door, b"{ not json", X_Hub_Signature_256=None).status_code == 401
    assert deliver(door, b"{ not json", event="", X_Hub_Signature_256=None).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"X_GitHub_Event": None},
        {"X_GitHub_Delivery": None},
        {"X_GitHub_Delivery": "d 1"},
        {"X_GitHub_Delivery": "d" * 81},
    ],
)
def test_event_and_delivery_must_be_named(
    door: FlaskClient, inbox: Inbox, headers: dict[str, Any]
) -> None:
    assert deliver(door, **headers).status_code == 400
    assert inbox.count() == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"action": "opened"}',
        b'{"action": "opened", "x": "\xff"}',
        b'{"action": "opened", "x": ' + b"[" * 500_000,
        json.dumps(EVENT | {"number": -1}).encode(),
        json.dumps(EVENT | {"number": 2**31}).encode(),
        json.dumps(EVENT | {"repository": {"full_name": "../../x"}}).encode(),
        json.dumps(EVENT | {"pull_request": {"head": {"sha": "main"}}}).encode(),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(
    door: FlaskClient, inbox: Inbox, body: bytes
) -> None:
    answer = deliver(door, body)
    assert answer.status_code == 400
    assert answer.get_json()["reason"].startswith("not a pull_request event")
    assert inbox.count() == {}


def test_a_form_is_refused_with_the_way_to_mend_it(door: FlaskClient) -> None:
    answer = deliver(door, Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert "application/json" in answer.get_json()["reason"]


def test_a_body_over_the_cap_is_refused(door: FlaskClient, inbox: Inbox) -> None:
    answer = deliver(door, b" " * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert inbox.count() == {}


def test_a_ping_is_answered(door: FlaskClient, inbox: Inbox) -> None:
    answer = deliver(door, {"zen": "Keep it logically awesome."}, event="ping")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "pong"})
    assert inbox.count() == {}


@pytest.mark.parametrize(
    ("event", "payload", "reason"),
    [
        ("pull_request", EVENT | {"action": "edited"}, "pull_request edited: nothing to review"),
        ("push", {"ref": "x"}, "push: nothing to review"),
        ("issue_comment", {"action": "edited"}, "issue_comment edited: nothing to review"),
        ("issue_comment", comment("looks good"), "issue_comment created: no order to postil"),
        (
            "issue_comment",
            comment("> /postil review"),
            "issue_comment created: no order to postil",
        ),
        (
            "issue_comment",
            comment("/postil help", on={}),
            "issue_comment created: on an issue, not on a pull request",
        ),
        (
            "issue_comment",
            comment("/postil help", kind="Bot"),
            "issue_comment created: a program gives no orders",
        ),
    ],
)
def test_other_events_are_ignored_and_told_so(
    door: FlaskClient, inbox: Inbox, event: str, payload: object, reason: str
) -> None:
    answer = deliver(door, payload, event=event)
    assert answer.status_code == 202
    assert answer.get_json() == {"status": "ignored", "reason": reason}
    assert inbox.count() == {}


@pytest.mark.parametrize("order", ["review", "pause", "resume", "explain", "help"])
def test_an_order_in_a_comment_is_committed(door: FlaskClient, inbox: Inbox, order: str) -> None:
    answer = deliver(door, comment(f"/postil {order}\r\nplease"), event="issue_comment")
    assert answer.get_json() == {"status": "accepted"}
    job = inbox.job("d1")
    assert (job.action, job.actor, job.comment, job.pull) == (f"/{order}", "ada", 5, 7)


def test_what_was_parked_begins_anew_when_the_installation_is_back(
    door: FlaskClient, inbox: Inbox
) -> None:
    deliver(door)
    inbox.move(inbox.job("d1"), "parked", "the installation is suspended")
    payload = {"action": "unsuspend", "installation": {"account": {"login": "Team"}}}
    answer = deliver(door, payload, event="installation", delivery="d2")
    assert answer.get_json() == {"status": "accepted", "reason": "1 parked jobs begin anew"}
    assert (inbox.job("d1").state, inbox.job("d1").round) == ("received", 1)
    other = payload | {"installation": {"account": {"login": "t"}}}
    assert "0 parked" in deliver(door, other, event="installation").get_json()["reason"]


def test_metrics_count_what_came_and_where_the_jobs_are(door: FlaskClient, inbox: Inbox) -> None:
    deliver(door)
    deliver(door, event="a made up one", delivery="d2")
    inbox.move(inbox.job("d1"), "debounced")
    text = door.get("/metrics").get_data(as_text=True)
    assert 'postil_events_total{event="pull_request",outcome="accepted"} 1.0' in text
    assert 'postil_events_total{event="other",outcome="ignored"} 1.0' in text
    assert 'postil_jobs{state="debounced"} 1.0' in text
    assert 'postil_stage_seconds_count{state="debounced"} 1.0' in text
    assert REPO not in text


def test_one_delivery_a_thousand_times_is_one_job(door: FlaskClient, inbox: Inbox) -> None:
    said = [deliver(door).get_json()["status"] for _ in range(1000)]
    assert said == ["accepted"] + ["duplicate"] * 999
    assert inbox.count() == {"received": 1}


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_changed_requests_are_all_refused(door: FlaskClient, inbox: Inbox, count: int) -> None:
    """One bit, one byte, a cut, an addition: of the body or of the signature."""
    chance = random.Random(7)
    body = json.dumps(EVENT).encode()
    signature = sign(SECRET, body)
    for _ in range(count):
        changed, header = mutated(chance, body, signature)
        answer = deliver(door, changed, X_Hub_Signature_256=header)
        assert answer.status_code == 401
    assert inbox.count() == {}


def mutated(chance: random.Random, body: bytes, signature: str) -> tuple[bytes, str]:
    """A body or a signature that is not what was sent."""
    part = bytearray(body if chance.random() < 0.7 else signature.encode())
    is_body = bytes(part) == body
    at = chance.randrange(len(part))
    match chance.randrange(4):
        case 0:
            part[at] ^= 1 << chance.randrange(7)
        case 1:
            del part[at]
        case 2:
            part.insert(at, chance.randrange(33, 127))
        case _:
            del part[at:]
    if is_body:
        return bytes(part), signature
    return body, part.decode("latin-1").replace("\n", " ").replace("\r", " ").strip()


def test_another_repository_than_the_settings_name_is_ignored(inbox: Inbox) -> None:
    app = create_app(Settings(repo="team/other"), SECRET, inbox)
    assert deliver(app.test_client()).get_json()["status"] == "ignored"
    assert inbox.count() == {}


def test_what_cannot_be_stored_is_not_acknowledged(
    door: FlaskClient, inbox: Inbox, tmp_path: Path
) -> None:
    with inbox.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE deliveries")
    answer = deliver(door)
    assert (answer.status_code, answer.get_json()["status"]) == (503, "not stored")
    assert door.get("/readyz").status_code == 503


def test_health_and_readiness(inbox: Inbox) -> None:
    why = ["the reviewer is being loaded"]
    door = create_app(Settings(), SECRET, inbox, trouble=lambda: why[0]).test_client()
    assert door.get("/healthz").status_code == 200
    answer = door.get("/readyz")
    assert (answer.status_code, answer.get_json()["reason"]) == (503, why[0])
    why[0] = ""
    deliver(door)
    answer = door.get("/readyz")
    assert (answer.status_code, answer.get_json()["jobs"]) == (200, {"received": 1})


def test_what_is_not_there_is_answered_in_json(door: FlaskClient) -> None:
    assert door.get("/nowhere").get_json() == {"status": "refused", "reason": "Not Found"}
    assert door.get("/webhook").status_code == 405


def test_signed_real_events_go_through_the_real_door(inbox: Inbox) -> None:
    """Every example that GitHub's own corpus holds, over HTTP: none is a fault of ours."""
    need_shared()
    server = make_server("127.0.0.1", 0, create_app(Settings(), SECRET, inbox), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    outcomes: dict[str, set[tuple[int, str]]] = {}
    with requests.Session() as session:
        for file in sorted((SHARED / "webhooks").glob("*.json")):
            held = json.loads(file.read_bytes())
            for number, example in enumerate(held["examples"]):
                body = json.dumps(example).encode()
                headers = {
                    "X-Hub-Signature-256": sign(SECRET, body),
                    "X-GitHub-Event": held["event"],
                    "X-GitHub-Delivery": f"{held['event']}-{number}",
                    "Content-Type": "application/json",
                }
                url = f"http://127.0.0.1:{server.server_port}/webhook"
                answer = session.post(url, data=body, headers=headers, timeout=10)
                key = f"{held['event']}.{example.get('action', '')}"
                outcomes.setdefault(key, set()).add((answer.status_code, answer.json()["status"]))
    server.shutdown()
    thread.join()
    server.server_close()
    for action in ("opened", "synchronize", "reopened", "ready_for_review", "closed"):
        assert outcomes.pop(f"pull_request.{action}") == {(202, "accepted")}
    assert outcomes.pop("ping.") == {(200, "pong")}
    for action in ("created", "unsuspend", "new_permissions_accepted"):
        assert outcomes.pop(f"installation.{action}") == {(202, "accepted")}
    assert outcomes.pop("installation_repositories.added") == {(202, "accepted")}
    assert {outcome for seen in outcomes.values() for outcome in seen} == {(202, "ignored")}
    assert inbox.count() == {"received": 12}
