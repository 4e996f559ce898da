"""A page shows hostile texts as texts: nothing runs, nothing loads, nothing hides."""

import re
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest

from finetune.pages import is_address, render_page
from finetune.pages.hunks import Past, Voice, rows_of_question, rows_of_window
from postil.answer import Anchor
from postil.prompt import render_question
from tests.finetune.builders import make_window

TEMPLATE = """{% extends "base.html" %}
{% import "parts.html" as parts %}
{% block title %}{{ name }}{% endblock %}
{% block body %}{{ parts.rows(rows) }}{{ parts.link(url, name) }}{% endblock %}
"""
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><style>*{display:none}",
    "{{ 7 * 7 }}{% raw %}",
    "a\u202eb\u2066c\u200b",
    "\ud800",
    "]]><svg onload=alert(1)>",
)


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text that is seen."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text(TEMPLATE)
    return path


def shape_of(template: Path, text: str) -> list[tuple[str, list[str]]]:
    """The elements of a page that shows a text wherever a page shows one."""
    address = f"javascript:{text}"
    past = (Past(text=text, url=address),)
    voice = Voice(role="postil", name=text, text=text, note=text, past=past)
    rows = rows_of_window(make_window(f"+{text}", " y", path=f"{text}.py"), (voice,))
    page = render_page(template, name=text, rows=rows, url=address)
    page.encode()
    return [(tag, sorted(attributes)) for tag, attributes in Elements(page).found]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_adds_no_element_and_no_attribute(template: Path, text: str) -> None:
    assert shape_of(template, text) == shape_of(template, "harmless")


def test_invisible_characters_are_written_out(template: Path) -> None:
    rows = rows_of_window(make_window("+a\u202eb"), ())
    page = render_page(template, name="x\u2066y", rows=rows, url="")
    assert "&lt;U+202E&gt;" in page and "&lt;U+2066&gt;" in page
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", page)


def test_the_policy_allows_the_one_style_sheet_and_nothing_else(template: Path) -> None:
    page = render_page(template, name="n", rows=(), url="https://example.org/a#b")
    elements = Elements(page).found
    policy = next(a["content"] for tag, a in elements if a.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy and "script" not in policy
    for _, attributes in elements:
        assert not {"src", "style", "srcset", "data"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert ("a", {"href": "https://example.org/a#b", "rel": "noreferrer nofollow"}) in elements


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://github.com/o/r/pull/1#discussion_r2", True),
        ("http://localhost:3000/o/r/pulls/1", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.example", False),
        ('https://x/"onclick', False),
        ("https://x/\u202e", False),
        (" https://x", False),
        ("", False),
    ],
)
def test_only_plain_web_addresses_become_links(text: str, good: bool) -> None:
    assert is_address(text) == good


def test_a_value_that_is_missing_is_a_fault_of_ours(template: Path) -> None:
    with pytest.raises(jinja2.UndefinedError):
        render_page(template, rows=(), url="")


def test_what_was_said_stands_under_the_last_row_it_is_about() -> None:
    window = make_window(" a", "-b", "+c  R9", "+d")
    here = Voice(role="person", name="ann", text="why?", anchor=Anchor(side="R", start=3, end=3))
    far = Voice(role="postil", name="p", text="far", anchor=Anchor(side="R", start=9, end=9))
    nowhere = Voice(role="other", name="o", text="always this")
    rows = rows_of_window(window, (here, far, nowhere))
    assert [row.number for row in rows] == ["1", "2", "2", "3"]
    assert [[one.text for one in row.said] for row in rows] == [
        [],
        [],
        ["why?"],
        ["far", "always this"],
    ]
    shown = rows_of_question(render_question(window), (here, far, nowhere))
    assert [(row.kind, row.text, row.said) for row in shown] == [
        (row.kind, row.text, row.said) for row in rows
    ]
    assert [row.number for row in shown] == ["R1", "L2", "R3", "R4"]


def test_indentation_that_all_rows_share_is_left_out() -> None:
    rows = rows_of_window(make_window("         a", "+          b", "+", "-        c"))
    assert [row.text for row in rows] == ["a", "  b", "", "c"]
    assert [row.text for row in rows_of_window(make_window("+\ta", "+\t\tb"))] == ["a", "\tb"]


def test_a_text_that_does_not_end_is_cut_and_says_so() -> None:
    def shown(text: str) -> str:
        return Voice(role="postil", name="n", text=text).shown

    assert shown("Short.\nTwo lines.") == "Short.\nTwo lines."
    assert shown("R\n" * 40).endswith("R … (49 more characters)")
    assert shown("x" * 2000) == "x" * 1600 + " … (400 more characters)"
