"""The pages in a real browser: at the widths of a phone, a tablet and a desk, in light and dark."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.backtest.page import render_backtest
from finetune.evaluation.report import render_report
from tests.bot.backtest.test_page import EVIL, backtest
from tests.chromium import chromium
from tests.finetune.evaluation.scorecards import make_sample, make_scorecard, make_sources
from tests.finetune.test_adapters import card

pytestmark = pytest.mark.slow

WIDTHS = (390, 820, 1400)
SCHEMES = ("light", "dark")
LONG = "a_name_without_any_place_to_break_it" * 20
LONG_CARD = card(base_revision="b" * 64)
READABLE = 4.5
"""Least contrast of text, WCAG 2.2 AA (https://www.w3.org/TR/WCAG22/#contrast-minimum)."""
CONTRASTS = """least => {
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const numbers = text => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(node).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')]
    .filter(node => node.tagName !== 'title')
    .filter(node => [...node.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(node => {
      const style = getComputedStyle(node);
      const ink = node.namespaceURI.includes('svg') ? style.fill : style.color;
      const pair = [light(numbers(ink)), light(ground(node))];
      return [(Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05), node.textContent.trim()];
    })
    .filter(([contrast]) => contrast < least);
}"""
"""Texts of a page that stand out less than that from what is behind them."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module", params=["report", "hostile report", "backtest"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    hostile = make_sample(text=f"{EVIL}{LONG}")
    pages = {
        "report": lambda: render_report(make_scorecard(), make_sources(card=LONG_CARD)),
        "hostile report": lambda: render_report(
            make_scorecard(adapter=LONG, base=EVIL, samples=(hostile,)),
            make_sources(card=LONG_CARD),
        ),
        "backtest": lambda: render_backtest(backtest()),
    }
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(pages[request.param](), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_page_fits_is_readable_and_asks_for_nothing(
    browser: Any, page: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("dialog", lambda dialog: said.append(dialog.message))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(CONTRASTS, READABLE) == []
    assert said == []
    assert asked == [page.as_uri()]
    context.close()


def test_a_link_to_a_pull_request_opens_it(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(render_backtest(backtest()), encoding="utf-8")
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    tab.goto(path.as_uri())
    assert not tab.locator("#pull-4").is_visible()
    tab.get_by_role("link", name="#4", exact=True).click()
    tab.locator("#pull-4").wait_for()
    tab.close()
