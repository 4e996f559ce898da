"""What of a comment would be live on the host: its HTML by GitHub's own parser, searched.

cmark-gfm renders with raw HTML, autolinks, tables, strikethrough, task lists and footnotes on.
"""

import re
from collections.abc import Sequence
from html.parser import HTMLParser

from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options

from bot.saying.sanitize import BOT_NAME, BREAK
from postil.prompt import INVISIBLE

MENTION = re.compile(r"@[A-Za-z0-9]")
REFERENCE = re.compile(r"#\d|GH-\d|://|www\.\w", re.IGNORECASE)
MATH = re.compile(rf"\$(?!{BREAK})")
COMMAND = re.compile(r"^\s*/[a-z]", re.MULTILINE | re.IGNORECASE)
DRAWN = frozenset({"suggestion", "mermaid", "math", "geojson", "topojson", "stl"})
TEXT_TAGS = frozenset({"p", "ul", "ol", "li", "code", "pre", "a"})
OPTIONS = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES


class Live(HTMLParser):
    """Collects what acts."""

    def __init__(self, links: Sequence[str], tags: frozenset[str]) -> None:
        super().__init__()
        self.links, self.tags = links, tags
        self.found: list[str] = []
        self.prose: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in self.tags:
            self.found.append(f"<{tag}>")
        href = given.get("href") or ""
        if tag == "a" and not any(href.startswith(link) for link in self.links):
            self.found.append(href)
        if tag == "pre" and (given.get("lang") or "") in DRAWN:
            self.found.append(f"```{given['lang']}")
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            del self._inside[len(self._inside) - 1 - self._inside[::-1].index(tag) :]
        self.prose.append("\n")

    def handle_data(self, data: str) -> None:
        if not {"code", "pre", "a"} & set(self._inside):
            self.prose.append(data)

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}")


def live(text: str, links: Sequence[str] = (), tags: frozenset[str] = TEXT_TAGS) -> list[str]:
    """Everything that would act; empty where nothing would. `links` are allowed prefixes."""
    reader = Live(links, tags)
    reader.feed(github_flavored_markdown_to_html(text, OPTIONS))
    reader.close()
    prose = "".join(reader.prose)
    for pattern in (MENTION, REFERENCE, MATH):
        reader.found += pattern.findall(prose)
    reader.found += COMMAND.findall(text) + BOT_NAME.findall(text)
    reader.found += [hex(ord(char)) for char in INVISIBLE.findall(text.replace(BREAK, ""))]
    return reader.found
