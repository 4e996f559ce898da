"""Whatever the model writes, what comes out does nothing on the host.

The output is rendered by markdown-it with HTML, tables and strikethrough switched on, and its text
is searched for what GitHub would make live: mentions, references, addresses.
"""

import re
import time
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.saying.sanitize import BREAK, LONGEST_MESSAGE, code_span, sanitize, suggestion_fault
from postil.prompt import INVISIBLE

BLOB = "https://github.com/team/shop/blob/0a1b2c/"
HOST = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MENTION = re.compile(r"@[A-Za-z0-9]")
REFERENCE = re.compile(r"#\d|GH-\d|://|www\.|\$", re.IGNORECASE)
COMMAND = re.compile(r"^\s*/[a-z]", re.MULTILINE | re.IGNORECASE)
ALLOWED_KINDS = {
    "paragraph", "inline", "bullet_list", "ordered_list", "list_item", "fence", "text",
    "code_inline", "softbreak", "link",
}  # fmt: skip

PIECES = (
    *(
        "@ada",
        "@",
        "ada",
        "team/shop",
        "#12",
        "GH-7",
        "fixes #3",
        "a@b.example",
        "mailto:a@b.example",
    ),
    *("https://evil.example/x", "www.evil.example", "[a](https://evil.example)", "[a]", "!"),
    *("![a](https://evil.example/p.png)", "[a]: https://evil.example", f"<{BLOB}x.py>"),
    *(f"[a]({BLOB}x.py#L3)", "<img src=x>", "<!-- x -->", "<b>", "<script>", "&lt;img&gt;"),
    *("&#64;", "&commat;", "**", "__", "*", "_", "~~", "`", "``", "```", "~~~", "\\", "\\\n"),
    *("```suggestion", "```mermaid", "\n", "\n\n", "    ", "- ", "1. ", "9999999999. ", "> "),
    *("999999999. ", "# ", "| ", "|---|", "===", "---", "/lgtm", "/", "@bors r+", "$", "$`"),
    *("\u202e", "\u200b", "\U000e0041", "\t", "\r\n", " ", "x"),
)
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def kinds(tokens: Sequence[Token]) -> Iterator[Token]:
    """All tokens, inline ones as well."""
    for token in tokens:
        yield token
        yield from kinds(token.children or [])


def faults(text: str) -> list[str]:
    """What of a text would be live on a host."""
    found = []
    texts: list[str] = []
    for token in kinds(HOST.parse(text)):
        kind = token.type.removesuffix("_open").removesuffix("_close")
        if kind not in ALLOWED_KINDS:
            found.append(kind)
        if kind == "link" and token.nesting == 1:
            href = str(token.attrGet("href"))
            found += [] if href.startswith(BLOB) else [href]
        if kind == "fence" and token.info in ("suggestion", "mermaid", "math"):
            found.append(token.info)
        texts.append(token.content if kind == "text" else "\n")
    joined = "".join(texts)
    found += MENTION.findall(joined) + REFERENCE.findall(joined.replace(f"${BREAK}", ""))
    found += COMMAND.findall(text)
    found += [hex(ord(c)) for c in INVISIBLE.findall(text.replace(BREAK, ""))]
    return found


@settings(max_examples=1500)
@given(HOSTILE | st.text(max_size=200))
def test_nothing_that_comes_out_is_live(text: str) -> None:
    assert faults(sanitize(text, [BLOB])) == []


@settings(max_examples=300)
@given(HOSTILE)
def test_it_may_be_cleaned_again(text: str) -> None:
    again = sanitize(sanitize(text))
    assert faults(again) == []


@settings(max_examples=300)
@given(st.text(alphabet="abc é漢.,;()?'\"%^{}", max_size=80))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert sanitize(text) == " ".join(text.split(" ")).strip()


@settings(max_examples=500)
@given(st.text(alphabet="`a @\n<", min_size=1, max_size=30))
def test_a_code_span_shows_its_content_and_nothing_else(content: str) -> None:
    shown = [token for token in kinds(HOST.parse(f"x{code_span(content)}y")) if token.content]
    spans = [token.content for token in shown if token.type == "code_inline"]
    assert spans == ([content.replace("\n", " ")] if content.strip() else [])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Use `log.info` here.", "Use `log.info` here."),
        ("Ask @ada", f"Ask @{BREAK}ada"),
        ("@**ada**", f"@{BREAK}ada"),
        ("&#64;ada", f"@{BREAK}ada"),
        ("see #12, GH-3", f"see #{BREAK}12, GH-{BREAK}3"),
        ("team/shop#1", f"team/shop#{BREAK}1"),
        ("[here](https://evil.example)", "here"),
        ("![shot](https://evil.example/p.png)", "shot"),
        ("go to https://evil.example", f"go to https:{BREAK}//evil.example"),
        ("www.evil.example", f"www{BREAK}.evil.example"),
        ("<b>x</b>", "\\<b>x\\</b>"),
        ("<!-- hidden -->", "\\<!-- hidden -->"),
        ("List<String>", "List\\<String>"),
        ("call __init__ and snake_case", "call \\_\\_init\\_\\_ and snake_case"),
        ("*so* **nice**", "so nice"),
        ("/lgtm", "\\/lgtm"),
        ("a\n/close b", "a\n\\/close b"),
        ("# Title\ntext", "Title\n\ntext"),
        ("> quoted", "quoted"),
        ("1\\. x", "1\\. x"),
        ("costs $x$", f"costs \\${BREAK}x\\${BREAK}"),
        ("a\n***\nb", "a\n\nb"),
        ("- a\n- b\n    - c", "- a\n- b\n\n  - c"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("-\n- a", "- a"),
        ("```suggestion\nx = 1\n```", "```\nx = 1\n```"),
        ("```python\nx = 1\n```", "```python\nx = 1\n```"),
        ("```mermaid\ngraph\n```", "```\ngraph\n```"),
        ("~~~\n```\n~~~", "````\n```\n````"),
        ("    indented", "```\nindented\n```"),
        ("```\n/lgtm\n@property\n```", f"```\n/{BREAK}lgtm\n@property\n```"),
        ("```\n@bors r+\n```", f"```\n@{BREAK}bors r+\n```"),
        ("`@dependabot merge`", f"`@{BREAK}dependabot merge`"),
        ("`a`**`b`**", f"`a`{BREAK}`b`"),
        ("**`a`**`@ada", f"`a`\\`@{BREAK}ada"),
        ("`` ` ``", "`` ` ``"),
        ("abc\u202edef", "abc\\<U+202E>def"),
        (f"[it]({BLOB}a.py#L3-L9)", f"[it](<{BLOB}a.py#L3-L9>)"),
        (f"[it]({BLOB}../../x)", "it"),
        (f"![it]({BLOB}a.png)", "it"),
        (f"see![it]({BLOB}a.png)[it]({BLOB}a.py)", f"seeit[it](<{BLOB}a.py>)"),
        (f"see\\![it]({BLOB}a.py)", f"see\\![it](<{BLOB}a.py>)"),
        ("", ""),
        ("![](x)", ""),
        ("` `", ""),
        ("a\r\nb\rc", "a\nb\nc"),
    ],
)  # fmt: skip
def test_a_case(text: str, shown: str) -> None:
    assert sanitize(text, [BLOB]) == shown
    assert faults(shown) == []


def test_a_flood_is_cut() -> None:
    shown = sanitize("word " * 20_000)
    assert len(shown) <= LONGEST_MESSAGE + 2 and shown.endswith("…")
    assert sanitize("line\n" * 500).count("\n") < 41


@pytest.mark.parametrize(
    "evil",
    [
        "[" * 1_000_000, "*a " * 300_000, "`" * 1_000_000, "> " * 300_000, "- " * 300_000,
        "<a" * 300_000, "![" * 300_000, "_a_" * 300_000, "a." * 300_000, "\\" * 1_000_000,
    ],
)  # fmt: skip
def test_a_megabyte_of_evil_takes_no_time(evil: str) -> None:
    begun = time.process_time()
    assert faults(sanitize(evil)) == []
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", None),
        ("x = 1\n", None),
        ("@property\n", None),
        ("// comment\n", None),
        ("x = 1\r\n", None),
        ("/lgtm\n", "reads as a command to a bot"),
        ("@dependabot merge\n", "reads as a command to a bot"),
        ("a\u202eb\n", "holds invisible characters"),
        ("x\n" * 100, "too long"),
        ("x" * 3000 + "\n", "too long"),
    ],
)
def test_a_suggestion_is_whole_or_not_at_all(text: str, fault: str | None) -> None:
    assert suggestion_fault(text) == fault
