"""The dashboard in a real browser, with JavaScript off, driven as a maintainer would."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from finetune.adapters import Registry
from mining.commands import store_url
from mining.store import open_store
from tests.bot.dashboard_home import OWNER, TOKEN, Stage, stage
from tests.chromium import chromium
from tests.e2e.test_pages import CONTRASTS, READABLE, SCHEMES, WIDTHS

pytestmark = pytest.mark.slow

PAGES = ("", "reviews/delivery-1", "reviews/delivery-3", "adapters", "curation", "acceptance")
UNLABELLED = """() => [...document.querySelectorAll('input:not([type=hidden]), textarea, select')]
  .filter(node => !node.labels || node.labels.length === 0).map(node => node.outerHTML)"""
NAMELESS = """() => [...document.querySelectorAll('a, button')]
  .filter(node => !node.textContent.trim() && !node.ariaLabel).map(node => node.outerHTML)"""
SHOTS = Path(__file__).parents[2] / "build" / "dashboard"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        yield made


@pytest.fixture
def root(made: Stage) -> Iterator[str]:
    """The address of the dashboard."""
    server = make_server("127.0.0.1", 0, made.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/dashboard/"
    server.shutdown()
    thread.join()
    server.server_close()


def press(page: Any, place: Any) -> None:
    """Click a link or button and wait until the page it leads to has come."""
    with page.expect_navigation():
        place.click()


def log_in(browser: Any, root: str, **how: Any) -> Any:
    """A page of a browser without JavaScript, past the login."""
    context = browser.new_context(java_script_enabled=False, **how)
    page = context.new_page()
    page.goto(root)
    page.get_by_label("Admin token").fill(TOKEN)
    press(page, page.get_by_role("button", name="Log in"))
    assert page.get_by_role("heading", name="Reviews").is_visible()
    return page


def test_a_maintainer_logs_in_browses_curates_promotes_and_rolls_back(
    browser: Any, made: Stage, root: str
) -> None:
    page = log_in(browser, root)
    press(page, page.get_by_role("link", name="team/shop#3"))
    assert page.get_by_text("cannot post the review").first.is_visible()
    press(page, page.get_by_role("button", name="Try again"))
    assert page.get_by_role("status").inner_text() == "It begins anew."
    assert made.inbox.job("delivery-3").state == "received"

    press(page, page.get_by_role("link", name="Curation"))
    for button in ("Keep", "Drop", "Edit"):
        if button == "Edit":
            page.get_by_label("Or learn it in other words").fill("Log it, please.")
        press(page, page.get_by_role("button", name=button, exact=True))
    with open_store(store_url(made.home)) as store:
        verdicts = [decision.verdict for decision in store.decisions(OWNER).values()]
    assert sorted(verdicts) == ["drop", "edit", "keep"]
    press(page, page.get_by_role("button", name="Undo"))
    assert page.get_by_text("2 decided").is_visible()

    registry = Registry(made.home)
    press(page, page.get_by_role("link", name="Adapters"))
    press(page, page.get_by_role("button", name=f"Promote {made.third.name}"))
    assert registry.current(OWNER) == made.third
    press(page, page.get_by_role("button", name="Roll back"))
    assert registry.current(OWNER) == made.second
    press(page, page.get_by_role("link", name="report").first)
    assert page.get_by_role("heading").first.is_visible()
    page.go_back()
    press(page, page.get_by_role("button", name="Log out"))
    page.goto(f"{root}adapters")
    assert page.get_by_label("Admin token").is_visible()
    page.context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_is_readable_and_is_labelled(
    browser: Any, made: Stage, root: str, width: int, scheme: str
) -> None:
    """The browser may run our own measuring script; the pages hold none."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(root)
    page.get_by_label("Admin token").fill(TOKEN)
    press(page, page.get_by_role("button", name="Log in"))
    for name in PAGES:
        answer = page.goto(f"{root}{name}")
        assert answer is not None and answer.ok, name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate(CONTRASTS, READABLE) == [], name
        assert page.evaluate(UNLABELLED) == [], name
        assert page.evaluate(NAMELESS) == [], name
        shot = re.sub(r"\W", "-", name) or "start"
        page.screenshot(path=SHOTS / f"{shot}-{width}-{scheme}.png", full_page=True)
    assert said == []
    assert all(address.startswith(root) for address in asked)
    context.close()
