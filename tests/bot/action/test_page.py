"""The job's summary: what a reader needs, and nothing a stranger can make of it."""

import msgspec
from markdown_it import MarkdownIt

from bot.action.page import MOST_NAMED, write_failure, write_note, write_page
from bot.review import read_nothing
from tests.bot.fake_pulls import HEAD
from tests.bot.output.test_render import PLACED, REVIEWED

URL = "https://github.com/team/shop/pull/7"


def page(**changed: object) -> str:
    """The page of a review."""
    given: dict[str, object] = {
        "reviewed": REVIEWED,
        "placed": PLACED,
        "pull_url": URL,
        "number": 7,
        "head_sha": HEAD,
        "detail": "posted one review",
        "precision": 0.625,
        "origin": "settings: postil.toml",
    }
    return write_page(**(given | changed))  # type: ignore[arg-type]


def test_it_links_the_lines_and_tells_precision_time_and_what_was_left_out() -> None:
    text = page()
    assert text.startswith(f"## Postil: [pull request 7](<{URL}>) at `aaaaaaaaaa`")
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert f'<a href="{URL}/files#diff-' in html and 'R3"><code>a.py:3</code>' in html
    assert "62% of its remarks were right" in text and "settings: postil.toml" in text
    assert "Not reviewed: 1 file" in text and "- `b.png`: binary" in text
    assert "\\<b>@\u200bada?" in text and "\x1b" not in text
    assert "its precision was not measured" in page(precision=None)


def test_a_bar_in_a_remark_stays_in_its_cell() -> None:
    html = MarkdownIt("commonmark").enable("table").render(page())
    assert html.count("<td") == 4 * len(PLACED)


def test_without_an_adapter_it_says_so_and_a_long_list_is_folded() -> None:
    many = {f"f{n}.py": "too large" for n in range(MOST_NAMED + 5)}
    nothing = read_nothing("", "")
    text = page(reviewed=nothing, placed=())
    assert "precision" not in text and "| line |" not in text
    folded = page(reviewed=msgspec.structs.replace(REVIEWED, skipped=many))
    assert "<details><summary>Not reviewed: 105 files</summary>" in folded
    assert "- and 5 more" in folded


def test_errors_and_notes_are_text() -> None:
    assert write_failure("no <b>@ada</b>").startswith("## Postil: nothing was reviewed\n\nno \\<b>")
    assert write_note("a merge queue").endswith("a merge queue\n")
