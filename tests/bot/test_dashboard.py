"""bot/dashboard: who sees it, what stands there, and what its forms do. Without a browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bot.dashboard.routes import Dashboard
from bot.dashboard.session import Guard, load_admin_token
from finetune.adapters import Registry
from finetune.cards import load_card
from mining.commands import store_url
from mining.store import open_store
from postil.errors import ConfigError
from tests.bot.dashboard_home import EVIL, OWNER, TOKEN, Stage, stage

PAGES = (
    "/dashboard/",
    "/dashboard/?state=dead",
    "/dashboard/reviews/delivery-1",
    "/dashboard/adapters",
    "/dashboard/curation",
    "/dashboard/acceptance",
)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        yield made


@pytest.fixture
def stranger(made: Stage) -> FlaskClient:
    return made.app.test_client()


@pytest.fixture
def admin(made: Stage) -> FlaskClient:
    client = made.app.test_client()
    assert client.post("/dashboard/login", data={"token": TOKEN}).status_code == 303
    return client


def send(client: FlaskClient, page: str, action: str, **form: str) -> TestResponse:
    """Send a form with the value of the session that a page carries."""
    text = client.get(page).get_data(as_text=True)
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found
    return client.post(action, data={"csrf": found.group(1), **form}, follow_redirects=True)


def test_nothing_is_readable_without_login(made: Stage, stranger: FlaskClient) -> None:
    for rule in made.app.url_map.iter_rules():
        if rule.endpoint in (  # what shows nothing
            "static",
            "dashboard.static",
            "dashboard.login",
            "dashboard.style",
            "dashboard.icon",
        ):
            continue
        values = dict.fromkeys(rule.arguments, "x")
        address = made.app.url_map.bind("localhost").build(rule.endpoint, values)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            answer = stranger.open(address, method=method)
            assert (answer.status_code, answer.location) == (302, "/dashboard/login"), address
    assert "team/shop" not in stranger.get("/dashboard/login").get_data(as_text=True)


def test_another_token_is_refused_and_after_ten_any(made: Stage, stranger: FlaskClient) -> None:
    said = [stranger.post("/dashboard/login", data={"token": "no"}).status_code for _ in range(11)]
    assert said == [403] * 10 + [429]
    assert stranger.post("/dashboard/login", data={"token": TOKEN}).status_code == 429


def test_a_session_ends_by_logout_and_by_time(made: Stage, admin: FlaskClient) -> None:
    assert admin.get("/dashboard/").status_code == 200
    with admin.session_transaction() as session:
        session["until"] = 1.0
    assert admin.get("/dashboard/").status_code == 302
    admin.post("/dashboard/login", data={"token": TOKEN})
    send(admin, "/dashboard/", "/dashboard/logout")
    assert admin.get("/dashboard/").status_code == 302


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_its_policy_and_runs_nothing(admin: FlaskClient, page: str) -> None:
    answer = admin.get(page)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    text = answer.get_data(as_text=True)
    assert not re.search(r"<script|javascript:|\son\w+=|\sstyle=", text)
    assert '<html lang="en">' in text
    assert text.count("<h1") == 1


def test_the_cookie_is_kept_from_scripts_and_other_sites(made: Stage) -> None:
    client = made.app.test_client()
    cookie = client.post("/dashboard/login", data={"token": TOKEN}).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie


@pytest.mark.parametrize(
    "action",
    [
        "/dashboard/logout",
        "/dashboard/reviews/delivery-3/retry",
        "/dashboard/adapters/promote",
        "/dashboard/adapters/rollback",
        "/dashboard/curation",
    ],
)
def test_a_form_of_another_site_does_nothing(made: Stage, admin: FlaskClient, action: str) -> None:
    live = Registry(made.home).current(OWNER)
    form = {"repo": OWNER, "adapter": made.first.name, "way": "shadow", "verdict": "drop"}
    assert admin.post(action, data=form).status_code == 403
    assert admin.post(action, data={**form, "csrf": "guess"}).status_code == 403
    assert Registry(made.home).current(OWNER) == live
    assert made.inbox.job("delivery-3").state == "dead"


def test_a_review_shows_its_way_and_escapes_what_the_model_said(admin: FlaskClient) -> None:
    text = admin.get("/dashboard/reviews/delivery-1").get_data(as_text=True)
    assert EVIL not in text
    assert "&lt;script&gt;" in text
    assert "U+202E" in text
    assert "probability 0.83" in text
    assert [text.index(f'<td class="{s}">') for s in ("received", "debounced", "leased", "posted")]
    assert admin.get("/dashboard/reviews/none").status_code == 404
    assert admin.get("/dashboard/?state=none").status_code == 404


def test_a_dead_job_is_tried_again(made: Stage, admin: FlaskClient) -> None:
    page = "/dashboard/reviews/delivery-3"
    assert "It begins anew." in send(admin, page, f"{page}/retry").get_data(as_text=True)
    job = made.inbox.job("delivery-3")
    assert (job.state, job.round, job.tries) == ("received", 1, 0)
    assert made.woken == [1]
    again = send(admin, page, f"{page}/retry").get_data(as_text=True)
    assert "nothing to try again" in again


def test_adapters_are_rolled_back_watched_and_refused(made: Stage, admin: FlaskClient) -> None:
    registry, page = Registry(made.home), "/dashboard/adapters"
    rolled = send(admin, page, f"{page}/rollback", repo=OWNER)
    assert f"{made.first.name} is current" in rolled.get_data(as_text=True)
    assert registry.current(OWNER) == made.first
    form = {"repo": OWNER, "adapter": made.third.name}
    refused = send(admin, page, f"{page}/promote", way="", **form).get_data(as_text=True)
    assert "may not speak: it was not measured" in refused
    forced = send(admin, page, f"{page}/promote", way="forced", **form).get_data(as_text=True)
    assert "not a way to promote" in forced
    assert registry.current(OWNER) == made.first
    send(admin, page, f"{page}/promote", way="shadow", **form)
    assert registry.current(OWNER) == made.third
    promotion = load_card(made.third).promotion
    assert promotion is not None
    assert promotion.how == "shadow"


def test_a_report_is_shown_in_a_sandbox(made: Stage, admin: FlaskClient) -> None:
    answer = admin.get(f"/dashboard/adapters/{OWNER}/{made.second.name}/report")
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert admin.get(f"/dashboard/adapters/{OWNER}/{made.first.name}/report").status_code == 404
    assert admin.get("/dashboard/adapters/../x/y/report").status_code == 404


def test_remarks_are_kept_dropped_edited_and_that_is_undone(
    made: Stage, admin: FlaskClient
) -> None:
    page = "/dashboard/curation"

    def waiting() -> str:
        text = admin.get(page).get_data(as_text=True)
        found = re.search(r'name="origin" value="([^"]+)"', text)
        assert found
        return found.group(1)

    origins = []
    for verdict in ("keep", "drop", "edit"):
        origins.append(waiting())
        send(admin, page, page, repo=OWNER, origin=origins[-1], verdict=verdict, text="Log it.")
    with open_store(store_url(made.home)) as store:
        made_ones = store.decisions(OWNER)
    assert [made_ones[origin].verdict for origin in origins] == ["keep", "drop", "edit"]
    assert made_ones[origins[2]].text == "Log it."
    send(admin, page, page, repo=OWNER, origin=origins[2], verdict="undo")
    assert waiting() == origins[2]
    refused = send(admin, page, page, repo=OWNER, origin="f" * 16, verdict="drop")
    assert "no remark of this dataset" in refused.get_data(as_text=True)
    empty = send(admin, page, page, repo=OWNER, origin=origins[2], verdict="edit", text=" ")
    assert "an edit has a text" in empty.get_data(as_text=True)


def test_acceptance_is_drawn_and_told(admin: FlaskClient) -> None:
    text = admin.get("/dashboard/acceptance").get_data(as_text=True)
    assert text.count('<svg viewBox="0 0 360') == 3
    assert "tier A" in text
    assert "5 found" in text


def test_what_became_of_our_remarks_is_shown_with_what_followed(
    admin: FlaskClient, made: Stage
) -> None:
    text = admin.get("/dashboard/acceptance").get_data(as_text=True)
    for said in (
        "muted: remarks of the kind naming",
        "people, in the same pull requests",
        "comment rate rose to 60%",
        f"fedcba9876543210 made room for {made.second.name}: acted-on rate fell",
        "Acted on, by month, in o/r",
    ):
        assert said in text
    assert "<script>" not in text


def test_a_home_with_nothing_in_it_has_pages_too(tmp_path: Path, made: Stage) -> None:
    app = Flask("postil")
    empty = tmp_path / "empty"
    pages = Dashboard(empty, made.inbox, store_url(empty), Guard(TOKEN), lambda: None)
    app.register_blueprint(pages.blueprint())
    client = app.test_client()
    client.post("/dashboard/login", data={"token": TOKEN})
    for page, says in (("adapters", "postil train"), ("curation", "postil dataset build")):
        assert says in client.get(f"/dashboard/{page}").get_data(as_text=True)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"POSTIL_ADMIN_TOKEN": "short"}, "at least 32"),
        ({"POSTIL_ADMIN_TOKEN_FILE": "/no/such/file"}, "cannot be read"),
    ],
)
def test_a_guessable_admin_token_is_refused(environment: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_admin_token(environment)
    assert load_admin_token({}) == ""
