"""Postil as a GitHub App: tokens, checks, orders in comments, what was missed, registration."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.dashboard.setup import create_setup_app
from bot.door.delivery import Delivery
from bot.door.inbox import Inbox
from bot.door.registration import registered
from bot.door.signature import load_secret
from bot.hosts.access import GitHubAccess
from bot.hosts.sign_in import Broker, Personal, load_sign_in
from bot.work.asides import Asides
from bot.work.ledger import Ledger
from bot.work.steps import Failure, Steps
from bot.work.sweep import Sweep
from postil.errors import ConfigError, HostingError
from postil.settings import ServerSettings
from tests.bot.app_fake import APP_ID, FakeApp, make_key
from tests.bot.fake_pulls import HEAD, KEY, NEXT_HEAD, REPO, small_pull
from tests.bot.stub_reviewer import StubReviewer
from tests.github_fake import ACCOUNT, TOKEN, FakeGitHub, Served

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC).timestamp()
ADMIN = "the admin token of our tests, long enough"


@pytest.fixture(scope="module")
def key() -> tuple[str, Any]:
    return make_key()


@pytest.fixture
def fake(key: tuple[str, Any]) -> FakeGitHub:
    """The fake GitHub of the folder, with the App's side on it."""
    fake = FakeGitHub()
    fake.description = None
    fake.add(REPO, small_pull())
    return fake


@pytest.fixture
def app(fake: FakeGitHub, key: tuple[str, Any]) -> FakeApp:
    app = FakeApp(key[1], fake)
    app.mount(fake.app)
    return app


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    inbox = Inbox(f"sqlite:///{tmp_path / 'inbox.db'}", lambda: datetime.fromtimestamp(NOW, UTC))
    yield inbox
    inbox.close()


@pytest.fixture
def broker(app: FakeApp, served: Served, key: tuple[str, Any]) -> Broker:
    """Ours, under the login that the fake gives to what is posted."""
    return Broker(APP_ID, key[0], served.url, account=ACCOUNT, now=lambda: NOW)


@pytest.fixture
def access(broker: Broker, served: Served, inbox: Inbox) -> Iterator[GitHubAccess]:
    access = GitHubAccess(broker, KEY, served.url, Ledger(inbox.database))
    yield access
    access.close()


@pytest.fixture
def steps(access: GitHubAccess, inbox: Inbox) -> Steps:
    asides = Asides(inbox, access, speaks=True)
    reviewer = StubReviewer(KEY).reviewer()
    return Steps(inbox, access.pulls, reviewer, KEY, mode="comment", asides=asides)


def receive(inbox: Inbox, name: str, action: str = "opened", actor: str = "") -> None:
    """One delivery of the small pull request, or an order in a comment of it."""
    head = "" if actor else HEAD
    comment = sum(name.encode()) if actor else 0
    inbox.accept(
        Delivery(
            delivery=name,
            action=action,
            repo=REPO,
            pull=7,
            head_sha=head,
            actor=actor,
            comment=comment,
        )
    )


def run(steps: Steps, name: str) -> str | Failure:
    """Both steps of a job, as the queue takes them."""
    head = steps.draft(name)
    return steps.post(name, head) if isinstance(head, str) and head else head


def test_a_token_is_minted_once_for_one_repository_with_the_least_rights(
    broker: Broker, app: FakeApp
) -> None:
    assert broker.token(REPO) == broker.token(REPO) == TOKEN
    (asked,) = app.minted
    assert asked["repositories"] == ["shop"]
    assert asked["permissions"]["contents"] == "read"
    assert "administration" not in asked["permissions"]
    broker.forget(REPO)
    broker.token(REPO)
    assert len(app.minted) == 2


def test_a_token_is_minted_anew_before_it_ends(
    app: FakeApp, served: Served, key: tuple[str, Any]
) -> None:
    clock = [NOW]
    assert Broker(APP_ID, key[0], served.url, now=lambda: NOW).account() == "postil-bot[bot]"
    broker = Broker(APP_ID, key[0], served.url, now=lambda: clock[0])
    broker.token(REPO)
    clock[0] += 3600 - 601
    broker.token(REPO)
    assert len(app.minted) == 1
    clock[0] += 2
    broker.token(REPO)
    assert len(app.minted) == 2


@pytest.mark.parametrize(
    ("field", "says"), [("suspended", "is suspended"), ("installed", "is not installed there")]
)
def test_an_installation_that_is_gone_or_suspended_parks_the_job(
    steps: Steps, inbox: Inbox, app: FakeApp, field: str, says: str
) -> None:
    setattr(app, field, field == "suspended")
    receive(inbox, "d1")
    failure = steps.draft("d1")
    assert isinstance(failure, Failure)
    steps.settle("d1", failure)
    assert inbox.job("d1").state == "parked"
    assert says in inbox.job("d1").detail


def test_another_key_is_refused_and_no_secret_is_shown(
    app: FakeApp, served: Served, key: tuple[str, Any]
) -> None:
    other = Broker(APP_ID, make_key()[0], served.url, now=lambda: NOW)
    with pytest.raises(HostingError, match="401") as caught:
        other.token(REPO)
    assert caught.value.lasting
    assert "PRIVATE" not in repr(other)
    assert TOKEN not in repr(Personal(TOKEN))


def test_a_check_run_is_begun_and_ended_with_annotations(
    steps: Steps, inbox: Inbox, app: FakeApp
) -> None:
    receive(inbox, "d1")
    steps.draft("d1")
    assert [check["status"] for check in app.checks] == ["in_progress"]
    steps.draft("d1")
    steps.post("d1", HEAD)
    (check,) = app.checks
    assert (check["status"], check["conclusion"]) == ("completed", "neutral")
    assert check["output"]["title"] == "1 remark"
    (annotation,) = check["output"]["annotations"]
    assert (annotation["path"], annotation["start_line"]) == ("shop/cart.py", 11)


def test_a_check_that_cannot_be_written_stops_no_review(
    steps: Steps, inbox: Inbox, app: FakeApp, fake: FakeGitHub
) -> None:
    fake.fail("GET", "/check-runs$", status=403, times=9)
    receive(inbox, "d1")
    assert run(steps, "d1") == ""
    assert inbox.job("d1").state == "posted"


def test_orders_are_obeyed_only_of_people_with_write_access(
    steps: Steps, inbox: Inbox, app: FakeApp
) -> None:
    app.permissions = {"ada": "write", "eve": "read"}
    for name, actor in (("o1", "eve"), ("o2", "stranger")):
        receive(inbox, name, "/pause", actor)
        assert run(steps, name) == ""
        assert inbox.job(name).detail == f"{actor} has no write access"
    assert app.comments == []
    receive(inbox, "o3", "/help", "ada")
    run(steps, "o3")
    run(steps, "o3")
    (answer,) = app.comments
    assert "`/postil explain`" in answer["body"]


def test_a_paused_pull_request_is_left_alone_until_it_is_resumed(
    steps: Steps, inbox: Inbox, app: FakeApp, fake: FakeGitHub
) -> None:
    app.permissions = {"ada": "admin"}
    receive(inbox, "o1", "/pause", "ada")
    run(steps, "o1")
    receive(inbox, "d1")
    run(steps, "d1")
    assert (inbox.job("d1").state, inbox.job("d1").detail) == ("superseded", "paused by ada")
    assert fake.ours(REPO, 7) == []
    receive(inbox, "o2", "/resume", "ada")
    run(steps, "o2")
    assert len(fake.ours(REPO, 7)) == 1
    receive(inbox, "o3", "/review", "ada")
    run(steps, "o3")
    assert "was reviewed before" in app.comments[-1]["body"]
    assert len(fake.ours(REPO, 7)) == 1


def test_explain_gives_the_probability_of_each_remark(
    steps: Steps, inbox: Inbox, app: FakeApp
) -> None:
    app.permissions = {"ada": "write"}
    receive(inbox, "o1", "/explain", "ada")
    run(steps, "o1")
    assert "no review of this head yet" in app.comments[-1]["body"]
    receive(inbox, "d1")
    run(steps, "d1")
    receive(inbox, "o2", "/explain", "ada")
    run(steps, "o2")
    assert "`shop/cart.py:11`: probability 0.90" in app.comments[-1]["body"]


def test_in_shadow_an_order_is_obeyed_and_nothing_is_written(
    access: GitHubAccess, inbox: Inbox, app: FakeApp
) -> None:
    app.permissions = {"ada": "write"}
    asides = Asides(inbox, access, speaks=False)
    reviewer = StubReviewer(KEY).reviewer()
    steps = Steps(inbox, access.pulls, reviewer, KEY, mode="shadow", asides=asides)
    receive(inbox, "o1", "/help", "ada")
    receive(inbox, "d1")
    run(steps, "o1")
    run(steps, "d1")
    assert (app.comments, app.checks) == ([], [])


def attempt(number: int, guid: str, code: int, hours: float) -> dict[str, Any]:
    """A delivery as the App's list shows it, so many hours ago."""
    stamp = datetime.fromtimestamp(NOW - hours * 3600, UTC).isoformat()
    shown = {"id": number, "guid": guid, "status_code": code, "delivered_at": stamp}
    return shown | {"event": "pull_request"}


def test_failed_deliveries_of_three_days_are_taken_in_once(
    access: GitHubAccess, inbox: Inbox, app: FakeApp
) -> None:
    app.attempts = [
        attempt(5, "late", 200, 1),
        attempt(4, "missed", 502, 2),
        attempt(3, "late", 503, 3),
        attempt(2, "other", 0, 4),
        attempt(1, "ancient", 500, 80),
    ]
    event = {
        "action": "opened",
        "number": 7,
        "pull_request": {"head": {"sha": HEAD}},
        "repository": {"full_name": REPO},
    }
    app.payloads = {4: event, 2: event | {"action": "labeled"}}
    sweep = Sweep(access, inbox, "")
    assert (sweep.run(), sweep.run()) == (1, 0)
    assert inbox.job("missed").head_sha == HEAD
    assert inbox.count() == {"received": 1}


def test_a_head_that_nobody_told_of_is_found(
    access: GitHubAccess, inbox: Inbox, app: FakeApp
) -> None:
    receive(inbox, "d1")
    stamp = datetime.fromtimestamp(NOW - 60, UTC).isoformat()
    known = {"number": 7, "head": {"sha": HEAD}, "updated_at": stamp, "draft": False}
    old = datetime.fromtimestamp(NOW - 4 * 86400, UTC).isoformat()
    app.open_pulls = [
        known,
        known | {"number": 8, "head": {"sha": NEXT_HEAD}},
        known | {"number": 9, "draft": True},
        known | {"number": 10, "updated_at": old},
    ]
    sweep = Sweep(access, inbox, "")
    assert (sweep.run(), sweep.run()) == (1, 0)
    job = inbox.job(f"sweep-8-{NEXT_HEAD[:16]}")
    assert (job.pull, job.head_sha, job.action) == (8, NEXT_HEAD, "sweep")


def test_a_sweep_that_the_host_refuses_is_left_to_the_next_time(
    access: GitHubAccess, inbox: Inbox, app: FakeApp, fake: FakeGitHub
) -> None:
    fake.fail("GET", "/app/hook/deliveries", status=502, times=1)
    assert Sweep(access, inbox, "").run() == 0


def test_an_app_is_registered_in_one_click_and_its_key_is_kept_from_others(
    app: FakeApp, served: Served, tmp_path: Path, key: tuple[str, Any]
) -> None:
    app.made = {
        "id": 4711,
        "slug": "postil-team",
        "html_url": "https://github.com/apps/postil-team",
        "pem": key[0],
        "webhook_secret": "w" * 40,
    }
    server = ServerSettings(api_url=served.url, public_url="https://postil.example.org")
    client = create_setup_app(tmp_path, server, ADMIN).test_client()
    base = "https://postil.example.org"
    assert client.get("/setup/", base_url=base).location == "/setup/login"
    assert client.get("/webhook", base_url=base).status_code == 404
    client.post("/setup/login", data={"token": ADMIN}, base_url=base)
    page = client.get("/setup/?organisation=team", base_url=base)
    text = page.get_data(as_text=True)
    assert f"{served.url}/organizations/team/settings/apps/new?state=" in text
    assert "https://postil.example.org/webhook" in text
    assert f"form-action 'self' {served.url}" in page.headers["Content-Security-Policy"]
    stolen = client.get("/setup/callback?code=abc&state=guess", base_url=base)
    assert stolen.status_code == 403
    text = client.get("/setup/", base_url=base).get_data(as_text=True)
    state = text.partition("apps/new?state=")[2].partition('"')[0]
    done = client.get(f"/setup/callback?code=abc&state={state}", base_url=base)
    assert "postil-team" in done.get_data(as_text=True)
    made = registered(tmp_path)
    assert made is not None
    assert (made.app_id, made.slug) == ("4711", "postil-team")
    for name in ("key.pem", "webhook_secret"):
        assert stat.S_IMODE((tmp_path / "app" / name).stat().st_mode) == 0o600
    assert load_secret({}, tmp_path) == b"w" * 40
    assert isinstance(load_sign_in(tmp_path, {}, served.url, ""), Broker)
    assert "PRIVATE" not in done.get_data(as_text=True)


def test_a_code_that_github_refuses_registers_nothing(
    app: FakeApp, served: Served, tmp_path: Path
) -> None:
    client = create_setup_app(tmp_path, ServerSettings(api_url=served.url), ADMIN).test_client()
    client.post("/setup/login", data={"token": ADMIN})
    text = client.get("/setup/").get_data(as_text=True)
    state = text.partition("apps/new?state=")[2].partition('"')[0]
    answer = client.get(f"/setup/callback?code=abc&state={state}")
    assert answer.status_code == 502
    assert "begin again" in answer.get_data(as_text=True).lower()
    assert registered(tmp_path) is None
    assert client.get("/setup/?organisation=a/b").status_code == 400


@pytest.mark.parametrize(
    ("mode", "content", "says"),
    [(0o644, "x", "chmod 600"), (0o600, "not a key", "not a private key"), (None, "", "cannot be")],
)
def test_a_key_that_others_may_read_or_that_is_none_is_refused(
    tmp_path: Path, mode: int | None, content: str, says: str
) -> None:
    file = tmp_path / "key.pem"
    if mode is not None:
        file.write_text(content)
        file.chmod(mode)
    environment = {"POSTIL_APP_ID": "1", "POSTIL_PRIVATE_KEY_FILE": str(file)}
    with pytest.raises(ConfigError, match=says):
        load_sign_in(tmp_path, environment, "https://api.github.com", "")
